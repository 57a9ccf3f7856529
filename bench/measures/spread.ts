/** Of one number measured in several rounds. */
export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** @param values at least one */
export function describe(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('nothing was measured')
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: median(sorted), max: sorted.at(-1)! }
}

function median(sorted: readonly number[]): number {
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** The smallest value that a share `q` of the sorted values does not exceed. */
export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
