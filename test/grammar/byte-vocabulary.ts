import { Grammars } from '../../src/decoding/grammar/grammars.ts'
import type { GrammarState, TokenGrammar } from '../../src/decoding/grammar/token-grammar.ts'

/** Every byte, and pieces as a trained vocabulary has them: across the borders of strings, members and characters. */
const pieces = [
  '{"',
  '":',
  '": "',
  '",',
  '", "',
  '"}',
  '}}',
  '"]',
  '  ',
  '\n ',
  'true',
  'nul',
  'name',
  '12',
  '-1',
  '0.5',
  'é',
  '日本',
  '\\u00',
  '\\"',
  '[{',
  '},',
]
const encoder = new TextEncoder()

/** Id 0 has no bytes, and ends an answer. */
export const tokens: readonly Uint8Array[] = [
  new Uint8Array(0),
  ...Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte)),
  ...pieces.map((piece) => encoder.encode(piece)),
  // half a character, as byte-level vocabularies have them
  Uint8Array.of(0x61, 0xc3),
  Uint8Array.of(0xa9, 0x22),
]

export const bytesOf = (id: number): Uint8Array => tokens[id]!

export const byteGrammars = (): Grammars => new Grammars(tokens.length, bytesOf)

/** The allowed ids, written out. */
export function allowedIds(grammar: TokenGrammar, state: GrammarState): number[] {
  const mask = grammar.allowed(state)
  return tokens.flatMap((_, id) => ((mask[id >> 5]! >> (id & 31)) & 1 ? [id] : []))
}

/** The state after a text, read byte by byte; undefined where it does not follow the grammar. */
export function stateAfter(grammar: TokenGrammar, text: string): GrammarState | undefined {
  let state = grammar.start
  for (const byte of encoder.encode(text)) {
    if (!allowedIds(grammar, state).includes(byte + 1)) return undefined
    state = grammar.after(state, byte + 1)
  }
  return state
}

/** Whether the text is one of the grammar's. */
export const accepts = (grammar: TokenGrammar, text: string): boolean => stateAfter(grammar, text)?.complete === true
