/** What the memory watch needs of an engine process. */
export interface WatchedMemory {
  /** What the process holds now; undefined where it ended before it could say. */
  residentBytes(): Promise<number | undefined>
  /** Whether requests are under way. */
  isBusy(): boolean
  /** The ceiling is passed: nothing more may be begun. */
  onFull(residentBytes: number): void
  /** It came down again. */
  onRoom(residentBytes: number): void
  /** It did not come down: only an end of the process gives the memory back. Nothing is told after it. */
  onStuck(residentBytes: number): void
}

export interface MemoryCeiling {
  readonly bytes: number
  /** How long requests under way may go on above it. */
  readonly patienceMs: number
}

/** Once full, it must come down this far: at the edge of the ceiling it would be full again with the next request. */
const roomShare = 0.9

/**
 * Watches what one engine process holds against a ceiling; the next process has a watch of its own. It counts ticks instead of reading a clock, as
 * the watchdog does, and a tick without an answer counts too.
 */
export class MemoryWatch {
  readonly #watched: WatchedMemory
  readonly #bytes: number
  readonly #mostFullTicks: number
  readonly #timer: NodeJS.Timeout
  #stopped = false
  #asking = false
  #fullTicks = 0
  #wasIdle = false
  #latest = 0

  constructor(watched: WatchedMemory, { bytes, patienceMs }: MemoryCeiling, tickMs: number) {
    this.#watched = watched
    this.#bytes = bytes
    this.#mostFullTicks = patienceMs / tickMs
    this.#timer = setInterval(() => void this.#tick(), tickMs)
    this.#timer.unref()
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
  }

  async #tick(): Promise<void> {
    if (this.#stopped) return
    if (this.#fullTicks > 0 && this.#fullTicks++ > this.#mostFullTicks) return this.#giveUp()
    if (this.#asking) return
    this.#asking = true
    const residentBytes = await this.#watched.residentBytes()
    this.#asking = false
    if (!this.#stopped && residentBytes !== undefined) this.#judge(residentBytes)
  }

  #judge(residentBytes: number): void {
    this.#latest = residentBytes
    const isIdle = !this.#watched.isBusy()
    if (this.#fullTicks === 0) {
      if (residentBytes > this.#bytes) {
        this.#fullTicks = 1
        this.#watched.onFull(residentBytes)
      }
    } else if (residentBytes <= this.#bytes * roomShare) {
      this.#fullTicks = 0
      this.#watched.onRoom(residentBytes)
    } else if (isIdle && this.#wasIdle) {
      // Measured with nothing under way, so nothing more will be given back.
      this.#giveUp()
    }
    this.#wasIdle = isIdle
  }

  #giveUp(): void {
    this.stop()
    this.#watched.onStuck(this.#latest)
  }
}
