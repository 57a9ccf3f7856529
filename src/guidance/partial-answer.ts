import type { Decoder, FinishReason, Sequence, TokenDraw } from '../decoding/decoder.ts'

/** An answer under way, with everything it has said; what a strategy weighs against others. */
export class PartialAnswer {
  readonly #decoder: Decoder
  readonly #sequence: Sequence
  text = ''
  readonly draws: TokenDraw[]
  /** Tokens drawn for this answer since it was opened or forked: what it cost beside its ancestors. */
  spent = 0

  constructor(decoder: Decoder, sequence: Sequence, origin?: PartialAnswer) {
    this.#decoder = decoder
    this.#sequence = sequence
    this.text = origin?.text ?? ''
    this.draws = [...(origin?.draws ?? [])]
  }

  get finishReason(): FinishReason | undefined {
    return this.#sequence.finishReason
  }

  get finished(): boolean {
    return this.#sequence.finishReason !== undefined
  }

  get endDraw(): TokenDraw | undefined {
    return this.#sequence.endDraw
  }

  get generatedTokens(): number {
    return this.#sequence.generatedTokens
  }

  get cachedTokens(): number {
    return this.#sequence.cachedTokens
  }

  /** Natural log of the probability, under the law it was drawn from, of everything drawn whose text is final. */
  get logProbability(): number {
    return this.draws.reduce((sum, draw) => sum + draw.logprob, this.endDraw?.logprob ?? 0)
  }

  /** Draws up to `tokens` more, handing over each piece of text as it becomes final. */
  async *stream(tokens: number, signal: AbortSignal) {
    const before = this.generatedTokens
    try {
      for await (const delta of this.#decoder.advance(this.#sequence, tokens, signal)) {
        this.text += delta.text
        this.draws.push(...delta.draws)
        yield delta
      }
    } finally {
      this.spent += this.generatedTokens - before
    }
  }

  async advance(tokens: number, signal: AbortSignal): Promise<void> {
    for await (const _ of this.stream(tokens, signal)) {
      // kept by stream
    }
  }

  fork(seed: bigint): PartialAnswer {
    return new PartialAnswer(this.#decoder, this.#decoder.fork(this.#sequence, seed), this)
  }

  /** Frees its memory; what it said stays readable. */
  release(): void {
    this.#decoder.release(this.#sequence)
  }
}
