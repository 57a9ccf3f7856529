import { InvalidRequestError } from './errors.ts'
import type { LogitRow } from './mix.ts'
import type { SamplingParams } from './sampling-params.ts'

/** Which tokens a sequence has seen, as the penalties need to know it. */
export class TokenHistory {
  readonly #seen: Set<number>
  readonly #answerCounts: Map<number, number>

  constructor(promptIds: Iterable<number>) {
    this.#seen = new Set(promptIds)
    this.#answerCounts = new Map()
  }

  /** Ids of prompt and answer. */
  get seen(): ReadonlySet<number> {
    return this.#seen
  }

  /** How often each id occurs in the answer. */
  get answerCounts(): ReadonlyMap<number, number> {
    return this.#answerCounts
  }

  /** Takes in a drawn token. */
  add(id: number): void {
    this.#seen.add(id)
    this.#answerCounts.set(id, (this.#answerCounts.get(id) ?? 0) + 1)
  }

  clone(): TokenHistory {
    const copy = new TokenHistory(this.#seen)
    for (const [id, count] of this.#answerCounts) copy.#answerCounts.set(id, count)
    return copy
  }
}

/** Whether `applyPenalties` could change any logit under these parameters; if not, no history needs to be kept. */
export function hasPenalties(params: SamplingParams): boolean {
  return (
    params.presencePenalty !== 0 ||
    params.frequencyPenalty !== 0 ||
    params.repetitionPenalty !== 1 ||
    params.logitBias.size > 0
  )
}

/**
 * Changes the mixed, untempered logits in place: repetition penalty over prompt and answer (arXiv 1909.05858, as in
 * transformers), then OpenAI's frequency and presence penalties over the answer, then logit_bias. Only ids that occur in the
 * history or the bias are touched.
 *
 * The repetition penalty depends on where zero lies on the logits' scale; it acts on the mixture, after all guides.
 * @throws InvalidRequestError (param "logit_bias") for an id outside the vocabulary
 */
export function applyPenalties(logits: LogitRow, params: SamplingParams, history: TokenHistory): void {
  if (params.repetitionPenalty !== 1) penaliseRepetition(logits, params.repetitionPenalty, history.seen)
  if (params.frequencyPenalty !== 0 || params.presencePenalty !== 0) {
    for (const [id, count] of history.answerCounts) {
      if (id < logits.length) logits[id]! -= count * params.frequencyPenalty + params.presencePenalty
    }
  }
  for (const [id, bias] of params.logitBias) {
    if (!(Number.isInteger(id) && id >= 0 && id < logits.length)) {
      throw new InvalidRequestError(`Token ${id} is not in the vocabulary of ${logits.length} tokens.`, 'logit_bias')
    }
    logits[id]! += bias
  }
}

function penaliseRepetition(logits: LogitRow, penalty: number, seen: ReadonlySet<number>): void {
  for (const id of seen) {
    // A prompt may hold added tokens beyond the rows that the models of a request have in common.
    if (id < logits.length) logits[id] = logits[id]! > 0 ? logits[id]! / penalty : logits[id]! * penalty
  }
}
