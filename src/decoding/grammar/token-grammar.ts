import { type Configuration, Configurations } from './configuration.ts'
import { GrammarError } from './grammar-error.ts'
import type { Network } from './network.ts'
import { soundNetwork } from './sound-network.ts'
import { emptyMask, type TokenMask, TokenMasks } from './token-masks.ts'
import type { TokenTrie } from './token-trie.ts'

/** How far an answer has come in its grammar: immutable, so that forks share it. */
export type GrammarState = Configuration

/** So many tokens before the limit must be seen to fit, the answer must be brought to its end. */
const margin = 64

/** A grammar over the tokens of one vocabulary. */
export class TokenGrammar {
  readonly start: GrammarState
  readonly #configurations: Configurations
  readonly #masks: TokenMasks
  readonly #near: TokenMask
  /** The bytes of a token; of a marker that begins calls, those of its name. */
  readonly bytesOf: (id: number) => Uint8Array

  /** @throws GrammarError for a network without any text, or one that calls itself without end */
  constructor(network: Network, trie: TokenTrie, bytesOf: (id: number) => Uint8Array) {
    this.#configurations = new Configurations(soundNetwork(network))
    this.#masks = new TokenMasks(this.#configurations, trie)
    this.bytesOf = bytesOf
    this.#near = emptyMask(trie.vocabularySize)
    this.start = this.#configurations.from([{ state: network.start, frame: undefined }])
  }

  /**
   * The same where only so many tokens may still be drawn, this one and the one that ends the answer included: near the limit, those
   * after which the answer could not be completed any more are left out. A token is counted for each byte, which is the most it
   * can take; where that is too much, nothing is left out. An answer that is complete ends rather than go on to where it cannot.
   * @param mayEnd whether any token ends the answer
   */
  allowedWithin(state: GrammarState, tokensLeft: number, mayEnd = true): TokenMask {
    const spare = tokensLeft - 1 - state.toEnd
    if (spare < 0 || spare > this.#configurations.widest + margin) return this.allowed(state)
    // the last token needs none behind it, where it leaves a complete text
    const found = this.#masks.within(state, Math.max(tokensLeft - 2, 0), this.#near)
    return found || (state.complete && mayEnd) ? this.#near : this.allowed(state)
  }

  /**
   * The tokens with bytes that may come next; end-of-sequence tokens, which have none, may where the state is complete. Do not
   * write to it.
   * @throws GrammarError when a text can be read in too many ways to find out
   */
  allowed(state: GrammarState): TokenMask {
    return this.#masks.of(state)
  }

  /** @throws GrammarError for a token that is not allowed */
  after(state: GrammarState, id: number): GrammarState {
    const bytes = this.bytesOf(id)
    this.#configurations.allow(Number.POSITIVE_INFINITY)
    let at: GrammarState | null = bytes.length === 0 ? null : state
    for (const byte of bytes) at = at === null ? null : this.#configurations.step(at, byte)
    if (at === null) throw new GrammarError(`token ${id} does not follow the grammar`)
    return at
  }
}
