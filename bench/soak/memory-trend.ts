import { describe } from '../measures/spread.ts'

/** Resident memory at one moment. */
export interface MemorySample {
  readonly minutes: number
  readonly megabytes: number
}

export interface MemoryTrend {
  /** Medians of the second and of the last quarter of the run: the first quarter warms up. */
  readonly before: number
  readonly after: number
  readonly flat: boolean
}

/** A run leaks where the last quarter's median is above the second's by more than this, and by more than noise. */
const mostGrowth = 0.05
const noiseMegabytes = 10

/** Whether memory stays where it was after the warm-up. @param samples at least eight, evenly spaced */
export function memoryTrend(samples: readonly MemorySample[]): MemoryTrend {
  if (samples.length < 8) throw new RangeError('a trend needs at least eight samples')
  const quarter = Math.floor(samples.length / 4)
  const medianOf = (from: number) => describe(samples.slice(from, from + quarter).map((s) => s.megabytes)).median
  const [before, after] = [medianOf(quarter), medianOf(samples.length - quarter)]
  return { before, after, flat: after - before <= Math.max(noiseMegabytes, mostGrowth * before) }
}
