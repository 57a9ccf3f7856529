/** What the watchdog needs of the engine. */
export interface Watched {
  /** Whether an answer is owed. */
  isBusy(): boolean
  /** Asks for any sign of life. */
  ping(): void
  /** Called once per silence, after `silenceMs` in which a busy engine said nothing. */
  onSilent(): void
}

export interface Watchdog {
  /** The engine said something. */
  heard(): void
  stop(): void
}

const ticksPerSilence = 4

/**
 * Watches for an engine that is alive but says nothing (stopped, stuck in a native call).
 * It counts ticks instead of reading a clock: when this process was stopped with the engine, no time has passed for either.
 */
export function watchEngine(watched: Watched, silenceMs: number): Watchdog {
  let silentTicks = 0
  const tick = () => {
    if (!watched.isBusy()) silentTicks = 0
    else if (silentTicks++ < ticksPerSilence) watched.ping()
    else {
      silentTicks = 0
      watched.onSilent()
    }
  }
  const timer = setInterval(tick, silenceMs / ticksPerSilence)
  timer.unref()
  return {
    heard: () => {
      silentTicks = 0
    },
    stop: () => clearInterval(timer),
  }
}
