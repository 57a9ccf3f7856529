export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

export function describe(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0]!, median: quantile(sorted, 0.5), max: sorted.at(-1)! }
}

/** The smallest value that a share `q` of the sorted values does not exceed. */
export const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))]!
