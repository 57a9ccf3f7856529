import { ApiProblem } from './api-problem.ts'
import { BackOff } from './back-off.ts'
import { EngineLoadError, type EngineStatus } from './engine.ts'
import { type EngineChild, forkEngine } from './engine-child.ts'
import type { EngineClientOptions, MemoryStanding } from './engine-client-options.ts'
import { watchEngineMemory } from './engine-memory.ts'
import type { EngineEvent, EngineReport, EngineSetup, ModelCard } from './engine-messages.ts'
import { type Watchdog, watchEngine } from './engine-watchdog.ts'
import type { InFlight } from './in-flight.ts'
import type { MemoryWatch } from './memory-ceiling.ts'

/** Events that answer what was asked. */
export type EngineAnswer = Extract<EngineEvent, { type: 'generation-events' | 'stats' }>

/** No waiter has this number: the answer is a sign of life and nothing more. */
const pingId = 0

const fullMessage = 'The engine has reached its memory ceiling and takes no more requests for now; try again shortly.'

/** The life of the engine process: it is started, watched, ended where it is stuck or too large, and started again. */
export class EngineLife {
  readonly #setup: EngineSetup
  readonly #options: Required<EngineClientOptions>
  readonly #inFlight: InFlight
  readonly #onAnswer: (answer: EngineAnswer) => void
  readonly #watchdog: Watchdog
  #child: EngineChild | undefined
  #status: EngineStatus = 'stopped'
  #models: readonly ModelCard[] = []
  #restarts = 0
  readonly #backOff: BackOff
  /** Whether the running child, or the last one, got as far as to load its models. */
  #loaded = false
  /** Whether it was asked for anything since. */
  #asked = false
  #startedAt = 0
  #restartTimer: NodeJS.Timeout | undefined
  #memoryWatch: MemoryWatch | undefined
  #started: { resolve(loaded: boolean): void; reject(error: Error): void } | undefined
  #closed: (() => void) | undefined

  /** @param inFlight what the process owes answers to; all of it fails when the process ends */
  constructor(
    setup: EngineSetup,
    options: Required<EngineClientOptions>,
    inFlight: InFlight,
    onAnswer: (answer: EngineAnswer) => void,
  ) {
    this.#setup = setup
    this.#options = options
    this.#inFlight = inFlight
    this.#onAnswer = onAnswer
    this.#backOff = new BackOff(options)
    this.#watchdog = watchEngine(
      {
        isBusy: () => this.#isRunning && inFlight.isBusy,
        ping: () => this.#child?.send({ type: 'stats-request', id: pingId }),
        onSilent: () => this.#endSilent(),
      },
      options.silenceMs,
    )
  }

  get state() {
    return { status: this.#status, models: this.#models, restarts: this.#restarts }
  }

  /** As EngineClient's. */
  start(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
      this.#status = 'starting'
      this.#fork()
    })
  }

  /**
   * The process, for one more request.
   * @throws ApiProblem when it takes none
   */
  forRequest(): EngineChild {
    const child = this.#running()
    if (this.#status === 'full') throw new ApiProblem('overloaded', fullMessage, { retryAfter: 5 })
    this.#asked = true
    return child
  }

  /** Stops the work on a request that nobody waits for any more. */
  abort(id: number): void {
    this.#child?.send({ type: 'generation-abort', id })
  }

  /** @throws ApiProblem when no process is running */
  stats(): Promise<EngineReport> {
    const child = this.#running()
    const { id, stats } = this.#inFlight.openStats()
    child.send({ type: 'stats-request', id })
    return stats
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

  #running(): EngineChild {
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

  #receive(event: EngineEvent): void {
    this.#watchdog.heard()
    switch (event.type) {
      case 'engine-progress':
        this.#options.onProgress(event.message)
        return
      case 'engine-ready':
        // It may have been closed with this on its way.
        if (this.#status !== 'stopped') this.#ready(event.models)
        return
      case 'engine-failed':
        if (this.#started === undefined) this.#options.onProgress(event.message)
        this.#settleStart(new EngineLoadError(event.message))
        return
      default:
        this.#onAnswer(event)
    }
  }

  #ready(models: readonly ModelCard[]): void {
    this.#models = models
    this.#status = 'ready'
    this.#loaded = true
    this.#memoryWatch = watchEngineMemory(this.#options, {
      stats: () => this.stats(),
      isBusy: () => this.#inFlight.generations > 0,
      onStanding: (standing) => this.#stand(standing),
    })
    this.#settleStart(undefined)
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

  #stand(standing: MemoryStanding): void {
    if (standing === 'stuck') this.#endStuck()
    else this.#status = standing === 'full' ? 'full' : 'ready'
  }

  #endStuck(): void {
    // Its models alone are too much, and the next one hardly fares better: it need not be quick.
    if (!this.#asked) this.#loaded = false
    this.#endChild('The engine process reached its memory ceiling and is being restarted; try again shortly.')
  }

  #endSilent(): void {
    this.#options.onSilence(this.#options.silenceMs)
    this.#endChild('The engine process stopped answering and is being restarted; try again shortly.')
  }

  /** Its exit starts another one. */
  #endChild(message: string): void {
    this.#status = 'restarting'
    this.#memoryWatch?.stop()
    this.#inFlight.failAll(new ApiProblem('engine-unavailable', message, { retryAfter: 2 }))
    this.#child?.kill()
  }

  #exited(reason: string): void {
    this.#child = undefined
    this.#memoryWatch?.stop()
    this.#inFlight.failAll(new ApiProblem('engine-error', 'The engine process ended while it worked on this request.'))
    this.#settleStart(new EngineLoadError(`The engine process ended while loading (${reason}).`))
    if (this.#status === 'stopped' || this.#status === 'failed') {
      this.#closed?.()
      return
    }
    const delayMs = this.#backOff.next(performance.now() - this.#startedAt, this.#loaded)
    this.#status = 'restarting'
    this.#restarts += 1
    this.#options.onDeath(reason, delayMs)
    this.#restartTimer = setTimeout(() => this.#fork(), delayMs)
  }
}
