import type { Interval } from './interval.ts'

/** Something the embedded family has to achieve, with what was measured. */
export interface Bar {
  readonly text: string
  readonly measured: Interval
  readonly relation: '>=' | '<='
  readonly limit: number
}

/**
 * met: the whole interval is on the right side. met, barely: the estimate is, but the interval reaches over. missed, barely and
 * missed: the same on the wrong side.
 */
export type Verdict = 'met' | 'met, barely' | 'missed, barely' | 'missed'

export function verdictOf({ measured: { estimate, low, high }, relation, limit }: Bar): Verdict {
  const passes = (value: number) => (relation === '>=' ? value >= limit : value <= limit)
  const certain = passes(low) === passes(high)
  if (passes(estimate)) return certain ? 'met' : 'met, barely'
  return certain ? 'missed' : 'missed, barely'
}

/** A bar of the kind "at least". */
export function atLeast(limit: number, text: string, measured: Interval): Bar {
  return { text, measured, relation: '>=', limit }
}

/** A bar of the kind "at most". */
export function atMost(limit: number, text: string, measured: Interval): Bar {
  return { text, measured, relation: '<=', limit }
}
