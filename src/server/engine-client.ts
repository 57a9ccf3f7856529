import { ApiProblem } from './api-problem.ts'
import { backOffMs } from './back-off.ts'
import { type Engine, EngineLoadError, type EngineState, type EngineStatus } from './engine.ts'
import { type EngineChild, forkEngine } from './engine-child.ts'
import { type EngineClientOptions, engineClientDefaults } from './engine-client-options.ts'
import type {
  EngineCommand,
  EngineEvent,
  EngineReport,
  EngineSetup,
  GenerationEvent,
  GenerationRequest,
  ModelCard,
  RewardRequest,
} from './engine-messages.ts'
import { type Watchdog, watchEngine } from './engine-watchdog.ts'
import { InFlight } from './in-flight.ts'
import { type MemoryCeiling, type MemoryWatch, watchMemory } from './memory-ceiling.ts'

/** No waiter has this number: the answer is a sign of life and nothing more. */
const pingId = 0

const fullMessage = 'The engine has reached its memory ceiling and takes no more requests for now; try again shortly.'

/** The parent side of the engine process: starts it, restarts it, and carries requests to it. */
export class EngineClient implements Engine {
  readonly #setup: EngineSetup
  readonly #options: Required<EngineClientOptions>
  #child: EngineChild | undefined
  #status: EngineStatus = 'stopped'
  #models: readonly ModelCard[] = []
  #restarts = 0
  #attempt = 0
  /** Whether the running child, or the last one, got as far as to load its models. */
  #loaded = false
  /** Whether it was asked for anything since. */
  #asked = false
  #startedAt = 0
  #restartTimer: NodeJS.Timeout | undefined
  readonly #inFlight: InFlight
  readonly #watchdog: Watchdog
  readonly #memoryWatch: MemoryWatch | undefined
  #started: { resolve(loaded: boolean): void; reject(error: Error): void } | undefined
  #closed: (() => void) | undefined

  constructor(setup: EngineSetup, options: EngineClientOptions = {}) {
    this.#setup = setup
    this.#options = { ...engineClientDefaults, ...options }
    this.#inFlight = new InFlight(this.#options.mostWaitingBytes)
    this.#watchdog = watchEngine(
      {
        isBusy: () => this.#isRunning && this.#inFlight.isBusy,
        ping: () => this.#child?.send({ type: 'stats-request', id: pingId }),
        onSilent: () => this.#endSilent(),
      },
      this.#options.silenceMs,
    )
    const { memoryCeiling } = this.#options
    this.#memoryWatch = memoryCeiling && this.#watchMemory(memoryCeiling)
  }

  get state(): EngineState {
    const memoryCeilingBytes = this.#options.memoryCeiling?.bytes
    return { status: this.#status, models: this.#models, restarts: this.#restarts, memoryCeilingBytes }
  }

  /**
   * Resolves to true when the models are loaded, to false when closed before that; rejects when the first load fails, and
   * then nothing is retried.
   */
  start(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
      this.#status = 'starting'
      this.#fork()
    })
  }

  generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    return this.#events((id) => ({ type: 'generation-request', id, request }), signal)
  }

  judge(request: RewardRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    return this.#events((id) => ({ type: 'reward-request', id, request }), signal)
  }

  async *#events(ask: (id: number) => EngineCommand, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    signal.throwIfAborted()
    const child = this.#runningChild()
    if (this.#status === 'full') throw new ApiProblem('overloaded', fullMessage, { retryAfter: 5 })
    this.#asked = true
    const { id, queue } = this.#inFlight.openGeneration()
    const stop = () => {
      // Still known: it did not end by itself, so the engine must be told to stop.
      if (this.#inFlight.closeGeneration(id)) child.send({ type: 'generation-abort', id })
    }
    const abort = () => {
      queue.fail(signal.reason)
      // At once: a reader that waits for a slow client may never come back.
      stop()
    }
    signal.addEventListener('abort', abort, { once: true })
    child.send(ask(id))
    try {
      yield* queue
    } finally {
      signal.removeEventListener('abort', abort)
      stop()
    }
  }

  stats(): Promise<EngineReport> {
    const child = this.#runningChild()
    const { id, stats } = this.#inFlight.openStats()
    child.send({ type: 'stats-request', id })
    return stats
  }

  /** Requests that are with the engine. */
  get inFlight(): number {
    return this.#inFlight.generations
  }

  /** Ends the process and every request that is still with it. */
  close(): Promise<void> {
    this.#status = 'stopped'
    this.#watchdog.stop()
    this.#memoryWatch?.stop()
    this.#started?.resolve(false)
    this.#started = undefined
    this.#inFlight.failAll(new ApiProblem('draining', 'The server is shutting down.', { retryAfter: 5 }))
    clearTimeout(this.#restartTimer)
    const child = this.#child
    if (child === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#closed = resolve
      child.kill()
    })
  }

  get #isRunning(): boolean {
    return this.#status === 'ready' || this.#status === 'full'
  }

  #runningChild(): EngineChild {
    if (this.#child !== undefined && this.#isRunning) return this.#child
    const reason = this.#status === 'starting' ? 'is loading its models' : 'is being restarted'
    throw new ApiProblem('engine-unavailable', `The engine ${reason}; try again shortly.`, { retryAfter: 2 })
  }

  #fork(): void {
    this.#startedAt = performance.now()
    this.#loaded = false
    this.#asked = false
    this.#child = forkEngine(this.#options.entry, this.#setup, {
      onEvent: (event) => this.#receive(event),
      onExit: (reason) => this.#exited(reason),
    })
  }

  #endSilent(): void {
    this.#options.onSilence(this.#options.silenceMs)
    this.#endChild('The engine process stopped answering and is being restarted; try again shortly.')
  }

  /** Its exit starts another one. */
  #endChild(message: string): void {
    this.#status = 'restarting'
    this.#inFlight.failAll(new ApiProblem('engine-unavailable', message, { retryAfter: 2 }))
    this.#child?.kill()
  }

  #watchMemory(ceiling: MemoryCeiling): MemoryWatch {
    const { onMemory, memoryTickMs } = this.#options
    return watchMemory(
      {
        residentBytes: () => this.#residentBytes(),
        isBusy: () => this.inFlight > 0,
        onFull: (residentBytes) => {
          this.#status = 'full'
          onMemory('full', residentBytes)
        },
        onRoom: (residentBytes) => {
          this.#status = 'ready'
          onMemory('room', residentBytes)
        },
        onStuck: (residentBytes) => {
          onMemory('stuck', residentBytes)
          // Its models alone are too much, and the next one hardly fares better: it need not be quick.
          if (!this.#asked) this.#loaded = false
          this.#endChild('The engine process reached its memory ceiling and is being restarted; try again shortly.')
        },
      },
      ceiling,
      memoryTickMs,
    )
  }

  async #residentBytes(): Promise<number | undefined> {
    if (!this.#isRunning) return undefined
    // Rejected where it ends before it answers, which its exit tells.
    return await this.stats().then(
      ({ residentBytes }) => residentBytes,
      () => undefined,
    )
  }

  #deliver(id: number, event: GenerationEvent): void {
    if (!this.#inFlight.deliver(id, event)) this.#child?.send({ type: 'generation-abort', id })
  }

  #receive(event: EngineEvent): void {
    this.#watchdog.heard()
    switch (event.type) {
      case 'generation-events':
        for (const [id, generationEvent] of event.events) this.#deliver(id, generationEvent)
        return
      case 'stats':
        this.#inFlight.deliverStats(event.id, event.stats)
        return
      case 'engine-progress':
        this.#options.onProgress(event.message)
        return
      case 'engine-ready':
        this.#models = event.models
        this.#status = 'ready'
        this.#loaded = true
        this.#settleStart(undefined)
        return
      case 'engine-failed':
        if (this.#started === undefined) this.#options.onProgress(event.message)
        this.#settleStart(new EngineLoadError(event.message))
    }
  }

  #settleStart(error: Error | undefined): void {
    if (error === undefined) {
      this.#started?.resolve(true)
    } else if (this.#started !== undefined) {
      this.#status = 'failed'
      this.#started.reject(error)
    }
    this.#started = undefined
  }

  #exited(reason: string): void {
    this.#child = undefined
    this.#inFlight.failAll(new ApiProblem('engine-error', 'The engine process ended while it worked on this request.'))
    this.#settleStart(new EngineLoadError(`The engine process ended while loading (${reason}).`))
    if (this.#status === 'stopped' || this.#status === 'failed') {
      this.#closed?.()
      return
    }
    if (performance.now() - this.#startedAt > this.#options.healthyAfterMs) this.#attempt = 0
    const { firstBackOffMs, mostBackOffMs, mostBackOffOnceReadyMs } = this.#options
    const mostMs = this.#loaded ? mostBackOffOnceReadyMs : mostBackOffMs
    const delayMs = backOffMs(this.#attempt, firstBackOffMs, mostMs)
    this.#status = 'restarting'
    this.#attempt += 1
    this.#restarts += 1
    this.#options.onDeath(reason, delayMs)
    this.#restartTimer = setTimeout(() => this.#fork(), delayMs)
  }
}
