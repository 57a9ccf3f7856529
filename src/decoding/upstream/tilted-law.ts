import { InvalidLogitsError } from '../mix.ts'
import type { SamplingParams } from '../sampling-params.ts'
import type { KnownLaw } from './known-law.ts'

/** One term of the target: coefficient * log pi(v). */
export interface TermLaw {
  readonly coefficient: number
  readonly law: KnownLaw
}

/** What a position's target is made of: q(v) proportional to exp((sum of coefficient * log pi(v) + shift(v)) / temperature). */
export interface TiltedLaw {
  readonly terms: readonly TermLaw[]
  /** Penalties and biases of single tokens. */
  readonly shifts: ReadonlyMap<number, number>
}

/** The exponent at temperature 1, up to a constant of the position, or undefined where a term does not know the token. */
export function exponent({ terms, shifts }: TiltedLaw, id: number): number | undefined {
  let sum = shifts.get(id) ?? 0
  for (const { coefficient, law } of terms) {
    if (coefficient === 0) continue
    const score = law.score(id)
    if (score === undefined) return undefined
    sum += coefficient * score
  }
  // What a term forbids stays forbidden only if its coefficient is positive; a negative one would make it certain.
  if (!(sum < Number.POSITIVE_INFINITY)) throw new InvalidLogitsError(id, sum)
  return sum
}

/** An upper bound of the exponent without the terms in `without`; Infinity where nothing bounds it. */
export function exponentAtMost({ terms, shifts }: TiltedLaw, id: number, without: TermLaw): number {
  let sum = shifts.get(id) ?? 0
  for (const term of terms) if (term !== without) sum += atMost(term, term.law.score(id))
  return sum
}

/** The same bound for all tokens that no term knows and nothing shifts. */
export function unknownExponentAtMost({ terms }: TiltedLaw, without: TermLaw): number {
  let sum = 0
  for (const term of terms) if (term !== without) sum += atMost(term, undefined)
  return sum
}

function atMost({ coefficient, law }: TermLaw, score: number | undefined): number {
  if (coefficient === 0) return 0
  if (score !== undefined) return coefficient * score
  // from below, nothing is known of the probability of a token that was not reported
  return coefficient > 0 ? coefficient * law.restAtMost : Number.POSITIVE_INFINITY
}

/** Frequency and presence penalties over the answer and logit_bias, as what they add to the logits of single tokens. */
export function logitShifts(sampling: SamplingParams, answer: readonly number[]): ReadonlyMap<number, number> {
  const shifts = new Map(sampling.logitBias)
  const { presencePenalty, frequencyPenalty } = sampling
  if (presencePenalty === 0 && frequencyPenalty === 0) return shifts
  const counts = new Map<number, number>()
  for (const id of answer) counts.set(id, (counts.get(id) ?? 0) + 1)
  for (const [id, count] of counts) shifts.set(id, (shifts.get(id) ?? 0) - count * frequencyPenalty - presencePenalty)
  return shifts
}
