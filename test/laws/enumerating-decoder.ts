import type {
  Decoder,
  FinishReason,
  Sequence,
  SequenceDelta,
  SequenceRequest,
  TokenDraw,
} from '../../src/decoding/decoder.ts'
import { softmax } from '../sampling/law-of-draw.ts'
import type { Chance } from './enumeration.ts'
import { mixedRow, termLogprobs } from './toy-decoder.ts'
import type { ToyModels } from './toy-models.ts'

class EnumeratedSequence implements Sequence {
  readonly request: SequenceRequest
  readonly cachedTokens = 0
  readonly ids: number[]
  text: string
  finishReason: FinishReason | undefined
  endDraw: TokenDraw | undefined

  constructor(request: SequenceRequest, origin?: EnumeratedSequence) {
    this.request = request
    this.ids = [...(origin?.ids ?? [])]
    this.text = origin?.text ?? ''
  }

  get generatedTokens(): number {
    return this.ids.length
  }
}

/**
 * A Decoder whose every draw is left to `chance`, from the law that the real mix gives: sequences never share a random
 * stream, whatever their seeds. Temperature 1 without filters. Token i reads as 'abcd...'[i].
 */
export class EnumeratingDecoder implements Decoder {
  readonly #models: ToyModels
  readonly #eos: number | undefined
  readonly #chance: Chance
  readonly live = new Set<Sequence>()
  steps = 0

  constructor(models: ToyModels, eos: number | undefined, chance: Chance) {
    this.#models = models
    this.#eos = eos
    this.#chance = chance
  }

  open(request: SequenceRequest): EnumeratedSequence {
    return this.#hold(new EnumeratedSequence(request))
  }

  async *advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    const own = this.#own(sequence)
    for (let step = 0; step < maxNewTokens && own.finishReason === undefined; step++) {
      signal.throwIfAborted()
      yield this.#step(this.#own(own))
    }
  }

  fork(sequence: Sequence): EnumeratedSequence {
    const parent = this.#own(sequence)
    if (parent.finishReason !== undefined) throw new Error('A finished sequence was forked.')
    return this.#hold(new EnumeratedSequence(parent.request, parent))
  }

  release(sequence: Sequence): void {
    this.live.delete(sequence)
  }

  #hold(sequence: EnumeratedSequence): EnumeratedSequence {
    this.live.add(sequence)
    return sequence
  }

  #own(sequence: Sequence): EnumeratedSequence {
    if (!(sequence instanceof EnumeratedSequence && this.live.has(sequence)))
      throw new Error('The sequence was released.')
    return sequence
  }

  #step(sequence: EnumeratedSequence): SequenceDelta {
    this.steps++
    const { terms, sampling } = sequence.request
    const law = softmax(mixedRow(terms, sequence.ids, this.#models))
    const id = this.#chance(law)
    const traced = sampling.trace ? termLogprobs(terms, sequence.ids, id, this.#models) : undefined
    const draw: TokenDraw = { id, logprob: Math.log(law[id]!), top: undefined, termLogprobs: traced }
    sequence.ids.push(id)
    if (sequence.ids.length === sampling.maxTokens) sequence.finishReason = 'length'
    if (id !== this.#eos) {
      const text = String.fromCharCode(0x61 + id)
      sequence.text += text
      return { text, draws: [draw] }
    }
    sequence.finishReason = 'stop'
    sequence.endDraw = draw
    return { text: '', draws: [] }
  }
}

/** Every whole answer of at most `maxTokens` tokens, by its text with '$' for its end, and its probability under `law`. */
export function answerLaw(
  law: (prefix: readonly number[]) => readonly number[],
  eos: number | undefined,
  maxTokens: number,
): Map<string, number> {
  const answers = new Map<string, number>()
  const grow = (prefix: readonly number[], text: string, mass: number): void => {
    if (prefix.length === maxTokens) answers.set(text, mass)
    else
      for (const [id, p] of law(prefix).entries()) {
        if (p === 0) continue
        if (id === eos) answers.set(`${text}$`, mass * p)
        else grow([...prefix, id], text + String.fromCharCode(0x61 + id), mass * p)
      }
  }
  grow([], '', 1)
  return answers
}
