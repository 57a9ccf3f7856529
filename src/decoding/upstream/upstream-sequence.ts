import { AnswerText } from '../answer-text.ts'
import type { FinishReason, Sequence, SequenceDelta, SequenceRequest, TokenDraw } from '../decoder.ts'
import { endIds } from '../end-ids.ts'
import { compileStopStrings } from '../stop-strings.ts'

const nothing: SequenceDelta = { text: '', draws: [] }

/** What ends an answer and what its tokens read as. */
export interface AnswerVocabulary {
  readonly eosTokenIds: readonly number[]
  bytesOf(id: number): Uint8Array
}

/** An answer under way over an upstream: its token ids, its text, and where its random streams stand. */
export class UpstreamSequence implements Sequence {
  readonly request: SequenceRequest
  readonly seed: bigint
  readonly cachedTokens = 0
  /** Tokens drawn so far, the one that ended the answer included. */
  readonly ids: number[]
  /** Where the stream of accept, residual and direct draws stands. */
  readonly chance: { counter: number }
  /** Calls made so far that draw: each has a seed of its own. */
  calls: number
  finishReason: FinishReason | undefined
  endDraw: TokenDraw | undefined
  readonly #vocabulary: AnswerVocabulary
  readonly #answer: AnswerText
  readonly #gone = new AbortController()

  constructor(request: SequenceRequest, seed: bigint, vocabulary: AnswerVocabulary, origin?: UpstreamSequence) {
    this.request = request
    this.seed = seed
    this.ids = [...(origin?.ids ?? [])]
    this.chance = { counter: origin?.chance.counter ?? 0 }
    this.calls = origin?.calls ?? 0
    this.finishReason = origin?.finishReason
    this.endDraw = origin?.endDraw
    this.#vocabulary = vocabulary
    this.#answer =
      origin === undefined ? new AnswerText(compileStopStrings(request.sampling.stop)) : origin.#answer.clone()
  }

  fork(seed: bigint): UpstreamSequence {
    return new UpstreamSequence(this.request, seed, this.#vocabulary, this)
  }

  get generatedTokens(): number {
    return this.ids.length
  }

  get text(): string {
    return this.#answer.text
  }

  get released(): boolean {
    return this.#gone.signal.aborted
  }

  /** Aborted when the sequence is released: its calls stop. */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /** Tokens that may still be drawn. */
  get room(): number {
    return this.request.sampling.maxTokens - this.ids.length
  }

  release(): void {
    this.#gone.abort()
  }

  /** Whether a token ends the answer. */
  ends(id: number): boolean {
    return endIds(this.#vocabulary.eosTokenIds, this.request.sampling).includes(id)
  }

  /** Takes in drawn tokens in order; what follows the end is dropped. */
  accept(draws: readonly TokenDraw[]): SequenceDelta {
    const deltas: SequenceDelta[] = []
    for (const draw of draws) {
      if (this.finishReason !== undefined) break
      deltas.push(...this.#take(draw))
    }
    return joined(deltas)
  }

  /** Ends the answer, for the engine has no more room. */
  finish(reason: FinishReason): SequenceDelta {
    this.finishReason = reason
    return this.#answer.finish()
  }

  #take(draw: TokenDraw): SequenceDelta[] {
    this.ids.push(draw.id)
    if (this.ends(draw.id)) {
      this.endDraw = draw
      return [this.finish('stop')]
    }
    const delta = this.#answer.push(draw, this.#vocabulary.bytesOf(draw.id))
    if (this.#answer.stopped) this.finishReason = 'stop'
    else if (this.room <= 0) return [delta, this.finish('length')]
    return [delta]
  }
}

function joined(deltas: readonly SequenceDelta[]): SequenceDelta {
  if (deltas.length === 0) return nothing
  return { text: deltas.map(({ text }) => text).join(''), draws: deltas.flatMap(({ draws }) => draws) }
}
