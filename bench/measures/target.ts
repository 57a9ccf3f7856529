import { describe } from './spread.ts'

/** What a row's median is held to. */
export interface Target {
  readonly bound: 'at least' | 'at most'
  readonly value: number
}

export type Verdict = 'met' | 'met, barely' | 'missed, barely' | 'missed'

export const atLeast = (value: number): Target => ({ bound: 'at least', value })
export const atMost = (value: number): Target => ({ bound: 'at most', value })

/** The median decides; "barely" where not all rounds agree with it. */
export function verdictOf(target: Target, values: readonly number[]): Verdict {
  const { min, median, max } = describe(values)
  const keeps = (value: number) => (target.bound === 'at least' ? value >= target.value : value <= target.value)
  if (keeps(median)) return keeps(min) && keeps(max) ? 'met' : 'met, barely'
  return keeps(min) || keeps(max) ? 'missed, barely' : 'missed'
}
