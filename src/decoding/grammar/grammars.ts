import { GrammarError } from './grammar-error.ts'
import type { GrammarSpec, JsonSpec } from './grammar-spec.ts'
import { type JsonRules, jsonRules } from './json-rules.ts'
import { SchemaCompiler } from './json-schema.ts'
import { LeastRecent } from './least-recent.ts'
import { NetworkBuilder, type Part } from './network.ts'
import { TokenGrammar } from './token-grammar.ts'
import { type TokenTrie, tokenTrie } from './token-trie.ts'
import { toolCallPart } from './tool-call-part.ts'

/** Compiled grammars that are kept for one vocabulary, the least lately used one being forgotten first. */
export const mostGrammars = 24

/** The grammars of one vocabulary. Its tree of tokens is made when the first one is asked for. */
export class Grammars {
  readonly #size: number
  readonly #bytesOf: (id: number) => Uint8Array
  readonly #compiled = new LeastRecent<string, TokenGrammar>(mostGrammars)
  #trie: TokenTrie | undefined

  constructor(vocabularySize: number, bytesOf: (id: number) => Uint8Array) {
    this.#size = vocabularySize
    this.#bytesOf = bytesOf
  }

  /** Grammars that are kept. */
  get size(): number {
    return this.#compiled.size
  }

  /**
   * Equal ones are compiled once, as long as they are kept.
   * @throws GrammarError saying what cannot be decoded under
   */
  get(spec: GrammarSpec): TokenGrammar {
    return this.#compiled.get(JSON.stringify(spec), () => shallow(() => this.#compile(spec)))
  }

  #compile(spec: GrammarSpec): TokenGrammar {
    this.#trie ??= tokenTrie(this.#size, this.#bytesOf)
    const net = new NetworkBuilder(this.#trie.longest)
    const rules = jsonRules(net)
    return new TokenGrammar(net.finish(net.rule(partOf(rules, spec))), this.#trie, this.#bytesOf)
  }
}

function partOf(rules: JsonRules, spec: GrammarSpec): Part {
  if (spec.type !== 'tool-calls') return jsonPart(rules, spec)
  const { format, offer, otherwise } = spec
  return toolCallPart(rules, format, offer, otherwise === undefined ? undefined : jsonPart(rules, otherwise))
}

function jsonPart(rules: JsonRules, spec: JsonSpec): Part {
  return spec.type === 'json-object' ? rules.object : new SchemaCompiler(rules, spec.schema).whole()
}

/** Rules are written and read by functions that call themselves; JSON itself may be nested further than they reach. */
function shallow<Result>(make: () => Result): Result {
  try {
    return make()
  } catch (error) {
    if (error instanceof RangeError) throw new GrammarError('it is nested too deep, or too long a list')
    throw error
  }
}
