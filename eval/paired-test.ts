import { uniform } from '../src/decoding/rng.ts'
import { bootstrapInterval, type Interval, mean } from './interval.ts'

/** Two methods on the same prompts, prompt by prompt. */
export interface PairedComparison {
  /** Mean of one - other. */
  readonly difference: Interval
  readonly wins: number
  readonly ties: number
  readonly losses: number
  /** Two-sided: of no difference, by random signs. */
  readonly pValue: number
}

const permutations = 20_000

/** Scores of the same text differ by this much with what else is computed beside it. */
const negligible = 1e-4

/** Compares by prompts: bootstrap of the mean difference, sign-flip permutation test of there being none. */
export function comparePaired(one: readonly number[], other: readonly number[]): PairedComparison {
  const differences = one.map((value, i) => (Math.abs(value - other[i]!) < negligible ? 0 : value - other[i]!))
  const count = (sign: number) => differences.filter((difference) => Math.sign(difference) === sign).length
  return {
    difference: bootstrapInterval(differences.length, (indices) => mean(indices.map((i) => differences[i]!))),
    wins: count(1),
    ties: count(0),
    losses: count(-1),
    pValue: signFlipTest(differences),
  }
}

/**
 * Two-sided permutation test that paired differences are symmetric about 0, by random signs, seeded. Exact in that the observed
 * signs count as one of the permutations.
 */
export function signFlipTest(differences: readonly number[], rounds = permutations): number {
  const sizes = differences.filter((difference) => difference !== 0)
  const observed = Math.abs(sizes.reduce((sum, size) => sum + size, 0))
  // Sums in another order differ in their last bits.
  const reaches = observed * (1 - 1e-9)
  const words = Math.ceil(sizes.length / 32)
  let extreme = 0
  for (let round = 0; round < rounds; round++) {
    let sum = 0
    for (let word = 0; word < words; word++) {
      let bits = Math.floor(uniform(0x516e5n, round * words + word) * 2 ** 32) >>> 0
      for (const size of sizes.slice(32 * word, 32 * word + 32)) {
        sum += (bits & 1) === 0 ? size : -size
        bits >>>= 1
      }
    }
    if (Math.abs(sum) >= reaches) extreme++
  }
  return (1 + extreme) / (1 + rounds)
}
