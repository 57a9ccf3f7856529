import { ApiProblem, type ProblemKind } from './api-problem.ts'
import type { EngineFailure, EngineReport, GenerationEvent } from './engine-messages.ts'
import { EventQueue } from './event-queue.ts'
import { eventSize } from './event-size.ts'

interface StatsWaiter {
  resolve(stats: EngineReport): void
  reject(reason: unknown): void
}

/** What the engine process owes answers to, by the number it was asked under. */
export class InFlight {
  #nextId = 1
  readonly #generations = new Map<number, EventQueue<GenerationEvent>>()
  readonly #statsWaiters = new Map<number, StatsWaiter>()
  readonly #mostWaitingBytes: number

  /** @param mostWaitingBytes of one generation's events that its reader has not taken */
  constructor(mostWaitingBytes: number) {
    this.#mostWaitingBytes = mostWaitingBytes
  }

  /** Whether any answer is owed. */
  get isBusy(): boolean {
    return this.#generations.size + this.#statsWaiters.size > 0
  }

  get generations(): number {
    return this.#generations.size
  }

  openGeneration(): { readonly id: number; readonly queue: EventQueue<GenerationEvent> } {
    const id = this.#nextId++
    const queue = new EventQueue(eventSize)
    this.#generations.set(id, queue)
    return { id, queue }
  }

  /** False when the generation has ended by itself, so that nothing needs to be stopped. */
  closeGeneration(id: number): boolean {
    return this.#generations.delete(id)
  }

  openStats(): { readonly id: number; readonly stats: Promise<EngineReport> } {
    const id = this.#nextId++
    const stats = new Promise<EngineReport>((resolve, reject) => this.#statsWaiters.set(id, { resolve, reject }))
    return { id, stats }
  }

  deliverStats(id: number, stats: EngineReport): void {
    this.#statsWaiters.get(id)?.resolve(stats)
    this.#statsWaiters.delete(id)
  }

  /**
   * Events of a generation that was closed meanwhile are dropped.
   * @returns false when its reader is so far behind that it was given up, so that its work must be stopped
   */
  deliver(id: number, event: GenerationEvent): boolean {
    const queue = this.#generations.get(id)
    if (queue === undefined) return true
    if (event.type === 'generation-error') queue.fail(toProblem(event.failure))
    else queue.push(event)
    const isBehind = queue.size > this.#mostWaitingBytes
    if (isBehind) queue.discard(slowClient())
    if (isBehind || lastEvents.has(event.type)) {
      this.#generations.delete(id)
      queue.end()
    }
    return !isBehind
  }

  failAll(problem: ApiProblem): void {
    for (const queue of this.#generations.values()) queue.fail(problem)
    for (const waiter of this.#statsWaiters.values()) waiter.reject(problem)
    this.#generations.clear()
    this.#statsWaiters.clear()
  }
}

const lastEvents: ReadonlySet<GenerationEvent['type']> = new Set([
  'generation-end',
  'reward-verdicts',
  'generation-error',
])

function slowClient(): ApiProblem {
  const message =
    'The client reads more slowly than the answer is written, and too much of it waits. Ask for less at once.'
  return new ApiProblem('slow-client', message)
}

const problemKinds: Readonly<Record<EngineFailure['kind'], ProblemKind>> = {
  'context-length': 'context-length',
  overloaded: 'overloaded',
  'unknown-model': 'model-not-found',
  'invalid-request': 'invalid-request',
  'reward-failed': 'reward-failed',
  'upstream-unreachable': 'upstream-unreachable',
  'upstream-timeout': 'upstream-timeout',
  'upstream-unavailable': 'upstream-unavailable',
  'upstream-broken': 'upstream-broken',
  'engine-error': 'engine-error',
}

function toProblem({ kind, message, param, retryAfter }: EngineFailure): ApiProblem {
  const patience = kind === 'overloaded' ? 1 : retryAfter
  return new ApiProblem(
    problemKinds[kind],
    message,
    patience === undefined ? { param } : { param, retryAfter: patience },
  )
}
