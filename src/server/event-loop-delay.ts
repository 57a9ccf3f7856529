import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How late this process's event loop was, in milliseconds, since the last time somebody asked. */
export interface EventLoopDelay {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/**
 * Milliseconds between two looks. Each one wakes the process: two watchers that looked every 5 and 10 ms took some 15 ms of processor a second on a busy
 * machine. How late a look is says the same, however rare.
 */
export const resolutionMs = 50

/** Starts watching; each call of the result begins a new window. */
export function watchEventLoopDelay(): () => EventLoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  histogram.enable()
  return () => {
    // The histogram holds whole intervals between two ticks, of which `resolutionMs` are intended.
    const late = (nanoseconds: number) => Math.max(0, Math.round(nanoseconds / 1e4 - resolutionMs * 100) / 100)
    const delay = { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) }
    histogram.reset()
    return delay
  }
}
