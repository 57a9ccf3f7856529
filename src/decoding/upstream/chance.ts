import { uniform } from '../rng.ts'

/** Decides what is left to chance: index i with probability `probabilities[i]`. Tests put enumeration in its place. */
export type Chance = (probabilities: readonly number[]) => number

/** Chance from the counter-based stream of a seed; `state` is shared with whoever has to go on with the stream. */
export function seededChance(seed: bigint, state: { counter: number }): Chance {
  return (probabilities) => indexAt(probabilities, uniform(seed, state.counter++))
}

/** Inverse of the cumulative distribution; rounding's sliver at the end is the last possible index's. */
export function indexAt(probabilities: readonly number[], u: number): number {
  let total = 0
  for (const probability of probabilities) total += probability
  let cumulative = 0
  let last = 0
  for (const [index, probability] of probabilities.entries()) {
    if (probability > 0) last = index
    cumulative += probability
    if (cumulative > u * total) return index
  }
  return last
}
