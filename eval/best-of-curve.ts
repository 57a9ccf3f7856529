import { bestOfKlBound } from '../src/guidance/best-of-laws.ts'
import { chosenLogRatio, levelDivergence } from './best-of-divergence.ts'
import { bootstrapInterval, type Interval, mean } from './interval.ts'
import { expectedMaximum } from './order-statistics.ts'

/** One prompt: scores of independent answers of the base, and what best-of-n gave. */
export interface BestOfPrompt {
  readonly samples: readonly number[]
  readonly chosen: ChosenAnswer
}

export interface ChosenAnswer {
  readonly reward: number
  /** What it is worth by rule. */
  readonly worth: number
  /** The served estimate of KL, from the answer's own probability. */
  readonly klEstimate: number
}

/** Best-of-n as it was measured, beside what its law says it should give. */
export interface BestOfPoint {
  readonly n: number
  /** Expected from the base's samples alone, by their order statistics. */
  readonly expectedReward: Interval
  readonly measuredReward: Interval
  /** measured - expected, prompt by prompt. */
  readonly rewardDeviation: Interval
  /** log n - (n - 1) / n */
  readonly klBound: number
  /** By the reward's levels among the base's samples; the bound, where there are no ties. */
  readonly expectedKl: Interval
  readonly measuredKl: Interval
  readonly klDeviation: Interval
  readonly servedKl: Interval
  readonly worth: Interval
}

/** @param prompts all answered by the best of the same n */
export function bestOfPoint(n: number, prompts: readonly BestOfPrompt[]): BestOfPoint {
  const rows = prompts.map(({ samples, chosen }) => ({
    expectedReward: expectedMaximum(samples, n),
    measuredReward: chosen.reward,
    expectedKl: levelDivergence(samples, n),
    measuredKl: chosenLogRatio(chosen.reward, samples, n),
    servedKl: chosen.klEstimate,
    worth: chosen.worth,
  }))
  const over = (value: (row: (typeof rows)[number]) => number): Interval => {
    const values = rows.map(value)
    return bootstrapInterval(values.length, (indices) => mean(indices.map((i) => values[i]!)))
  }
  return {
    n,
    expectedReward: over((row) => row.expectedReward),
    measuredReward: over((row) => row.measuredReward),
    rewardDeviation: over((row) => row.measuredReward - row.expectedReward),
    klBound: bestOfKlBound(n),
    expectedKl: over((row) => row.expectedKl),
    measuredKl: over((row) => row.measuredKl),
    klDeviation: over((row) => row.measuredKl - row.expectedKl),
    servedKl: over((row) => row.servedKl),
    worth: over((row) => row.worth),
  }
}

/** Where a measured mean is, as far as its curve is known. */
export type Placement = 'in the band' | 'outside the band, not significantly' | 'off the curve'

/** off: the interval of the difference, prompt by prompt, leaves 0 out, which it does once in 20 even of what lies on it. */
export function placement(measured: Interval, curve: Interval, deviation: Interval): Placement {
  // Means of the same numbers in another order differ in their last bits.
  const slack = 1e-9
  if (deviation.low > slack || deviation.high < -slack) return 'off the curve'
  const inside = curve.low - slack <= measured.estimate && measured.estimate <= curve.high + slack
  return inside ? 'in the band' : 'outside the band, not significantly'
}
