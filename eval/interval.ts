import { uniform } from '../src/decoding/rng.ts'

/** An estimate with its 95 % confidence interval. */
export interface Interval {
  readonly estimate: number
  readonly low: number
  readonly high: number
}

const z = 1.959964

/** Mean of independent values, normal approximation. */
export function meanInterval(values: readonly number[]): Interval {
  const estimate = mean(values)
  const variance = values.reduce((sum, value) => sum + (value - estimate) ** 2, 0) / Math.max(1, values.length - 1)
  const half = z * Math.sqrt(variance / values.length)
  return { estimate, low: estimate - half, high: estimate + half }
}

/** Share of successes: Wilson's interval, which stays inside [0, 1] and has a width at 0 and 1. */
export function shareInterval(verdicts: readonly boolean[]): Interval {
  const n = verdicts.length
  const estimate = verdicts.filter(Boolean).length / n
  const centre = (estimate + z ** 2 / (2 * n)) / (1 + z ** 2 / n)
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((estimate * (1 - estimate)) / n + z ** 2 / (4 * n ** 2))
  return {
    estimate,
    low: Math.max(0, Math.min(estimate, centre - half)),
    high: Math.min(1, Math.max(estimate, centre + half)),
  }
}

/**
 * Any statistic of the same prompts' rows: percentile bootstrap over the prompts, seeded. Rows of one prompt stay together, so
 * differences and ratios between policies keep their pairing.
 * @param statistic of the rows with these indices
 */
export function bootstrapInterval(
  rows: number,
  statistic: (indices: readonly number[]) => number,
  resamples = 1000,
): Interval {
  const everyRow = Array.from({ length: rows }, (_, index) => index)
  const values = Array.from({ length: resamples }, (_, round) => statistic(drawIndices(rows, round))).sort(
    (a, b) => a - b,
  )
  const quantile = (share: number) => values[Math.round(share * (resamples - 1))]!
  return { estimate: statistic(everyRow), low: quantile(0.025), high: quantile(0.975) }
}

function drawIndices(rows: number, round: number): number[] {
  return Array.from({ length: rows }, (_, k) => Math.floor(uniform(0xb007n, round * rows + k) * rows))
}

/** Arithmetic mean. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
