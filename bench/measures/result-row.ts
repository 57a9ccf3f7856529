import { type Target, verdictOf } from './target.ts'

/** What was measured of one contestant, a value a round. */
export interface Measured {
  readonly name: string
  readonly unit: string
  readonly values: readonly number[]
}

/** One comparison: a row of the table. */
export interface ResultRow {
  readonly work: string
  /** Who is compared with whom, such as "trimtab int8 / llama.cpp Q8_0". */
  readonly comparison: string
  /** Of `values`: "x" for a ratio of rounds that ran right after one another. */
  readonly unit: string
  /** The judged number of each round; none where a rival is missing. */
  readonly values: readonly number[]
  readonly measured: readonly Measured[]
  readonly target?: Target
  /** Why there is nothing to compare with, and how to get it. */
  readonly missing?: string
}

export function verdictOfRow({ values, target, missing }: ResultRow): string {
  if (missing !== undefined) return 'missing'
  return target === undefined ? '-' : verdictOf(target, values)
}

/** How many times as fast the first is, from rates (tokens/s) of the same rounds. */
export const rateRatios = (first: readonly number[], second: readonly number[]): number[] =>
  first.map((value, round) => value / second[round]!)
