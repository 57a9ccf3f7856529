/** What the memory watch needs of the engine. */
export interface WatchedMemory {
  /** What the process holds now; undefined where none is running, or it ended before it could say. */
  residentBytes(): Promise<number | undefined>
  /** Whether requests are under way. */
  isBusy(): boolean
  /** The ceiling is passed: nothing more may be begun. */
  onFull(residentBytes: number): void
  /** It came down again. */
  onRoom(residentBytes: number): void
  /** It did not come down: only an end of the process gives the memory back. */
  onStuck(residentBytes: number): void
}

export interface MemoryCeiling {
  readonly bytes: number
  /** How long requests under way may go on above it. */
  readonly patienceMs: number
}

export interface MemoryWatch {
  stop(): void
}

/** Once full, it must come down this far: at the edge of the ceiling it would be full again with the next request. */
const roomShare = 0.9

/**
 * Watches what the engine holds against a ceiling. It counts ticks instead of reading a clock, as the watchdog does, and a
 * tick without an answer counts too.
 */
export function watchMemory(watched: WatchedMemory, { bytes, patienceMs }: MemoryCeiling, tickMs: number): MemoryWatch {
  let asking = false
  let fullTicks = 0
  let latest = 0
  const judge = (residentBytes: number | undefined) => {
    asking = false
    if (residentBytes === undefined) {
      fullTicks = 0
      return
    }
    latest = residentBytes
    if (fullTicks === 0 && residentBytes > bytes) {
      fullTicks = 1
      watched.onFull(residentBytes)
    } else if (fullTicks > 0 && residentBytes <= bytes * roomShare) {
      fullTicks = 0
      watched.onRoom(residentBytes)
    } else if (fullTicks > 0 && !watched.isBusy()) {
      // Nothing is under way, so nothing more will be given back.
      fullTicks = 0
      watched.onStuck(residentBytes)
    }
  }
  const tick = () => {
    if (fullTicks > 0 && fullTicks++ > patienceMs / tickMs) {
      fullTicks = 0
      watched.onStuck(latest)
    }
    if (asking) return
    asking = true
    void watched.residentBytes().then(judge)
  }
  const timer = setInterval(tick, tickMs)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}
