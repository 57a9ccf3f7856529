import type { EngineStats } from '../decoding/local/engine-options.ts'
import { ApiProblem, type ProblemKind } from './api-problem.ts'
import { backOffMs } from './back-off.ts'
import type { Engine, EngineState, EngineStatus } from './engine.ts'
import { type EngineChild, engineEntry, forkEngine } from './engine-child.ts'
import type {
  EngineEvent,
  EngineFailure,
  EngineSetup,
  GenerationEvent,
  GenerationRequest,
  ModelCard,
} from './engine-messages.ts'
import { EventQueue } from './event-queue.ts'

export interface EngineClientOptions {
  /** The child's script; tests give a fake. */
  readonly entry?: URL
  readonly firstBackOffMs?: number
  readonly mostBackOffMs?: number
  /** A child that lived this long was healthy: the next back-off starts from the beginning. */
  readonly healthyAfterMs?: number
  readonly onProgress?: (message: string) => void
  readonly onDeath?: (reason: string, restartInMs: number) => void
}

interface StatsWaiter {
  resolve(stats: EngineStats): void
  reject(reason: unknown): void
}

/** The parent side of the engine process: starts it, restarts it, and carries requests to it. */
export class EngineClient implements Engine {
  readonly #setup: EngineSetup
  readonly #options: Required<EngineClientOptions>
  #child: EngineChild | undefined
  #status: EngineStatus = 'stopped'
  #models: readonly ModelCard[] = []
  #restarts = 0
  #attempt = 0
  #startedAt = 0
  #restartTimer: NodeJS.Timeout | undefined
  #nextId = 1
  readonly #generations = new Map<number, EventQueue<GenerationEvent>>()
  readonly #statsWaiters = new Map<number, StatsWaiter>()
  #started: { resolve(): void; reject(error: Error): void } | undefined
  #closed: (() => void) | undefined

  constructor(setup: EngineSetup, options: EngineClientOptions = {}) {
    this.#setup = setup
    this.#options = {
      entry: engineEntry,
      firstBackOffMs: 500,
      mostBackOffMs: 30_000,
      healthyAfterMs: 60_000,
      onProgress: () => {},
      onDeath: () => {},
      ...options,
    }
  }

  get state(): EngineState {
    return { status: this.#status, models: this.#models, restarts: this.#restarts }
  }

  /** Resolves when the models are loaded; rejects when the first load fails, and then nothing is retried. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject }
      this.#status = 'starting'
      this.#fork()
    })
  }

  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    signal.throwIfAborted()
    const child = this.#runningChild()
    const id = this.#nextId++
    const queue = new EventQueue<GenerationEvent>()
    this.#generations.set(id, queue)
    const abort = () => queue.fail(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    child.send({ type: 'generation-request', id, request })
    try {
      yield* queue
    } finally {
      signal.removeEventListener('abort', abort)
      // Still known: it did not end by itself, so the engine must be told to stop.
      if (this.#generations.delete(id)) child.send({ type: 'generation-abort', id })
    }
  }

  stats(): Promise<EngineStats> {
    const child = this.#runningChild()
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#statsWaiters.set(id, { resolve, reject })
      child.send({ type: 'stats-request', id })
    })
  }

  /** Requests that are with the engine. */
  get inFlight(): number {
    return this.#generations.size
  }

  /** Ends the process and every request that is still with it. */
  close(): Promise<void> {
    this.#status = 'stopped'
    this.#failEverything(new ApiProblem('draining', 'The server is shutting down.', { retryAfter: 5 }))
    clearTimeout(this.#restartTimer)
    const child = this.#child
    if (child === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#closed = resolve
      child.kill()
    })
  }

  #runningChild(): EngineChild {
    if (this.#child !== undefined && this.#status === 'ready') return this.#child
    const reason = this.#status === 'starting' ? 'is loading its models' : 'is being restarted'
    throw new ApiProblem('engine-unavailable', `The engine ${reason}; try again shortly.`, { retryAfter: 2 })
  }

  #fork(): void {
    this.#startedAt = performance.now()
    this.#child = forkEngine(this.#options.entry, this.#setup, {
      onEvent: (event) => this.#receive(event),
      onExit: (reason) => this.#exited(reason),
    })
  }

  #receive(event: EngineEvent): void {
    switch (event.type) {
      case 'generation-events':
        for (const [id, generationEvent] of event.events) this.#deliver(id, generationEvent)
        return
      case 'stats':
        this.#statsWaiters.get(event.id)?.resolve(event.stats)
        this.#statsWaiters.delete(event.id)
        return
      case 'engine-progress':
        this.#options.onProgress(event.message)
        return
      case 'engine-ready':
        this.#models = event.models
        this.#status = 'ready'
        this.#settleStart(undefined)
        return
      case 'engine-failed':
        this.#options.onProgress(event.message)
        this.#settleStart(new Error(event.message))
    }
  }

  #settleStart(error: Error | undefined): void {
    if (error === undefined) {
      this.#started?.resolve()
    } else if (this.#started !== undefined) {
      this.#status = 'failed'
      this.#started.reject(error)
    }
    this.#started = undefined
  }

  #deliver(id: number, event: GenerationEvent): void {
    const queue = this.#generations.get(id)
    if (queue === undefined) return
    if (event.type === 'generation-error') {
      this.#generations.delete(id)
      queue.fail(toProblem(event.failure))
      return
    }
    queue.push(event)
    if (event.type !== 'generation-end') return
    this.#generations.delete(id)
    queue.end()
  }

  #exited(reason: string): void {
    this.#child = undefined
    this.#failEverything(new ApiProblem('engine-error', 'The engine process ended while it worked on this request.'))
    this.#settleStart(new Error(`The engine process ended while loading (${reason}).`))
    if (this.#status === 'stopped' || this.#status === 'failed') {
      this.#closed?.()
      return
    }
    if (performance.now() - this.#startedAt > this.#options.healthyAfterMs) this.#attempt = 0
    const delayMs = backOffMs(this.#attempt, this.#options.firstBackOffMs, this.#options.mostBackOffMs)
    this.#status = 'restarting'
    this.#attempt += 1
    this.#restarts += 1
    this.#options.onDeath(reason, delayMs)
    this.#restartTimer = setTimeout(() => this.#fork(), delayMs)
  }

  #failEverything(problem: ApiProblem): void {
    for (const queue of this.#generations.values()) queue.fail(problem)
    for (const waiter of this.#statsWaiters.values()) waiter.reject(problem)
    this.#generations.clear()
    this.#statsWaiters.clear()
  }
}

const problemKinds: Readonly<Record<EngineFailure['kind'], ProblemKind>> = {
  'context-length': 'context-length',
  overloaded: 'overloaded',
  'unknown-model': 'model-not-found',
  'invalid-request': 'invalid-request',
  'engine-error': 'engine-error',
}

function toProblem(failure: EngineFailure): ApiProblem {
  const { param } = failure
  const detail = failure.kind === 'overloaded' ? { param, retryAfter: 1 } : { param }
  return new ApiProblem(problemKinds[failure.kind], failure.message, detail)
}
