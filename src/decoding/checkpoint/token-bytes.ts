/** The UTF-8 bytes that a vocabulary entry stands for. */
export type TokenBytes = (token: string) => Uint8Array

/** A decoder of tokenizer.json, as far as bytes depend on it. */
export interface DecoderJson {
  readonly type: string
  readonly decoders?: readonly DecoderJson[] | undefined
  readonly pattern?: { readonly String?: string | undefined } | undefined
  readonly content?: string | undefined
  readonly replacement?: string | undefined
}

/**
 * How a tokenizer's decoder turns single tokens into bytes, or undefined for a kind whose tokens have no bytes of their
 * own (WordPiece). A `Strip` at the beginning of a text is left out: it concerns the first token of a whole text, and
 * an answer continues a prompt.
 */
export function tokenBytesOf(decoder: DecoderJson): TokenBytes | undefined {
  const steps = decoder.type === 'Sequence' ? (decoder.decoders ?? []) : [decoder]
  if (steps.some((step) => step.type === 'ByteLevel')) return byteLevelBytes
  const replaced: [string, string][] = []
  for (const step of steps) {
    if (step.type === 'Metaspace') replaced.push([step.replacement ?? '▁', ' '])
    else if (step.type === 'Replace' && step.pattern?.String !== undefined) {
      replaced.push([step.pattern.String, step.content ?? ''])
    } else if (!['ByteFallback', 'Fuse', 'Strip'].includes(step.type)) return undefined
  }
  return steps.some((step) => step.type === 'ByteFallback') ? withByteFallback(replaced) : withReplacements(replaced)
}

const encoder = new TextEncoder()

function withReplacements(replaced: readonly [string, string][]): TokenBytes {
  return (token) => encoder.encode(replaced.reduce((text, [from, to]) => text.replaceAll(from, to), token))
}

function withByteFallback(replaced: readonly [string, string][]): TokenBytes {
  const plain = withReplacements(replaced)
  return (token) => {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
    return byte === undefined ? plain(token) : Uint8Array.of(Number.parseInt(byte, 16))
  }
}

/** Each printable stand-in's byte, as GPT-2's byte-level BPE writes bytes in its vocabulary. */
const byteOfCharacter: ReadonlyMap<string, number> = makeByteTable()

function byteLevelBytes(token: string): Uint8Array {
  const bytes: number[] = []
  for (const character of token) {
    const byte = byteOfCharacter.get(character)
    // An entry with characters outside the table was added as plain text.
    if (byte === undefined) return encoder.encode(token)
    bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}

function makeByteTable(): Map<string, number> {
  const table = new Map<string, number>()
  let next = 256
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xff && byte !== 0xad)
    table.set(String.fromCodePoint(printable ? byte : next++), byte)
  }
  return table
}
