/** Token ids of a vocabulary of two words and an end. */
export const vocabulary = ['a', 'b', '</s>'] as const
export const end = 2

const baseMass = 0.95

/** The base: the same two words at every position. Log-probabilities by id. */
export const baseLaw: readonly number[] = [Math.log(baseMass), Math.log(1 - baseMass), Number.NEGATIVE_INFINITY]

/**
 * The guide that tilts the base (coefficients 1 and 1) so far that drafts are accepted with the given probability: 1 - TV(q, d),
 * where q puts that much less on the first word.
 * @param acceptance from 1 - baseMass to 1
 */
export function guideLaw(acceptance: number): readonly number[] {
  const first = baseMass - (1 - acceptance)
  const scores = [Math.log(first / baseMass), Math.log((1 - first) / (1 - baseMass))]
  const total = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0))
  return [...scores.map((score) => score - total), Number.NEGATIVE_INFINITY]
}
