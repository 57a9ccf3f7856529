import { AnswerText } from '../../src/decoding/answer-text.ts'
import type {
  Decoder,
  FinishReason,
  LogitTerm,
  Sequence,
  SequenceDelta,
  SequenceRequest,
  TokenDraw,
} from '../../src/decoding/decoder.ts'
import { mixLogits } from '../../src/decoding/mix.ts'
import { applyPenalties, TokenHistory } from '../../src/decoding/penalties.ts'
import { uniform } from '../../src/decoding/rng.ts'
import { drawFromLogits } from '../../src/decoding/sampler.ts'
import { compileStopStrings } from '../../src/decoding/stop-strings.ts'
import { selectionScratch } from '../../src/decoding/top-logits.ts'
import type { ToyModels } from './toy-models.ts'

class ToySequence implements Sequence {
  readonly request: SequenceRequest
  readonly seed: bigint
  readonly cachedTokens = 0
  readonly ids: number[] = []
  readonly answer: AnswerText
  finishReason: FinishReason | undefined
  endDraw: TokenDraw | undefined
  prefilled = false

  constructor(request: SequenceRequest, seed: bigint, answer: AnswerText) {
    this.request = request
    this.seed = seed
    this.answer = answer
  }

  get generatedTokens(): number {
    return this.ids.length
  }

  get text(): string {
    return this.answer.text
  }
}

/** Logits of the terms combined, before penalties: what a decoder draws from. */
export function mixedRow(terms: readonly LogitTerm[], prefix: readonly number[], models: ToyModels): Float64Array {
  const rows = terms.map((term) => models.get(term.model)!.logits(term, prefix))
  const mixed = new Float64Array(rows[0]!.length)
  mixLogits(
    mixed,
    rows,
    terms.map(({ coefficient }) => coefficient),
  )
  return mixed
}

/** A Decoder over table models, from the real pieces: mix, penalties, sampler, random stream, text. Token i reads as 'abcd...'[i]. */
export class ToyDecoder implements Decoder {
  readonly #models: ToyModels
  readonly #eos: number | undefined
  /** Sequences held at this moment. */
  readonly live = new Set<Sequence>()
  prefills = 0
  forks = 0
  /** Steps computed so far, over all sequences. */
  steps = 0

  constructor(models: ToyModels, eos: number | undefined) {
    this.#models = models
    this.#eos = eos
  }

  open(request: SequenceRequest): ToySequence {
    const answer = new AnswerText(compileStopStrings(request.sampling.stop))
    return this.#hold(new ToySequence(request, request.sampling.seed, answer))
  }

  async *advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    const toy = this.#own(sequence)
    if (!toy.prefilled) this.prefills++
    toy.prefilled = true
    for (let step = 0; step < maxNewTokens && toy.finishReason === undefined; step++) {
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
      this.#own(sequence)
      yield this.#step(toy)
    }
  }

  fork(sequence: Sequence, seed: bigint): ToySequence {
    const parent = this.#own(sequence)
    const child = new ToySequence(parent.request, seed, parent.answer.clone())
    child.ids.push(...parent.ids)
    child.prefilled = parent.prefilled
    this.forks++
    return this.#hold(child)
  }

  release(sequence: Sequence): void {
    this.live.delete(sequence)
  }

  #hold(sequence: ToySequence): ToySequence {
    this.live.add(sequence)
    return sequence
  }

  #own(sequence: Sequence): ToySequence {
    if (!(sequence instanceof ToySequence && this.live.has(sequence))) throw new Error('The sequence was released.')
    return sequence
  }

  #step(sequence: ToySequence): SequenceDelta {
    this.steps++
    const draw = this.#draw(sequence)
    sequence.ids.push(draw.id)
    const ended = draw.id === this.#eos && !sequence.request.sampling.ignoreEos
    const delta = ended ? sequence.answer.finish() : sequence.answer.push(draw, letterOf(draw.id))
    if (ended) sequence.endDraw = draw
    if (ended || sequence.answer.stopped) sequence.finishReason = 'stop'
    else if (sequence.ids.length === sequence.request.sampling.maxTokens) sequence.finishReason = 'length'
    if (sequence.finishReason !== 'length') return delta
    const rest = sequence.answer.finish()
    return { text: delta.text + rest.text, draws: [...delta.draws, ...rest.draws] }
  }

  #draw({ request, seed, ids }: ToySequence): TokenDraw {
    const { terms, sampling } = request
    const mixed = mixedRow(terms, ids, this.#models)
    const history = new TokenHistory(terms[0]!.promptIds)
    for (const id of ids) history.add(id)
    applyPenalties(mixed, sampling, history)
    const draw = drawFromLogits(mixed, sampling, uniform(seed, ids.length), selectionScratch(mixed.length))
    return { ...draw, termLogprobs: sampling.trace ? termLogprobs(terms, ids, draw.id, this.#models) : undefined }
  }
}

/** log softmax(logits)[id] of each term alone, at temperature 1. */
export function termLogprobs(terms: readonly LogitTerm[], prefix: readonly number[], id: number, models: ToyModels) {
  return terms.map((term) => {
    const row = models.get(term.model)!.logits(term, prefix)
    return row[id]! - Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0))
  })
}

function letterOf(id: number): Uint8Array {
  return Uint8Array.of(0x61 + id)
}
