import type { EngineStats } from '../decoding/local/engine-options.ts'
import { ApiProblem, type ProblemKind } from './api-problem.ts'
import type { EngineFailure, GenerationEvent } from './engine-messages.ts'
import { EventQueue } from './event-queue.ts'

interface StatsWaiter {
  resolve(stats: EngineStats): void
  reject(reason: unknown): void
}

/** What the engine process owes answers to, by the number it was asked under. */
export class InFlight {
  #nextId = 1
  readonly #generations = new Map<number, EventQueue<GenerationEvent>>()
  readonly #statsWaiters = new Map<number, StatsWaiter>()

  get generations(): number {
    return this.#generations.size
  }

  openGeneration(): { readonly id: number; readonly queue: EventQueue<GenerationEvent> } {
    const id = this.#nextId++
    const queue = new EventQueue<GenerationEvent>()
    this.#generations.set(id, queue)
    return { id, queue }
  }

  /** False when the generation has ended by itself, so that nothing needs to be stopped. */
  closeGeneration(id: number): boolean {
    return this.#generations.delete(id)
  }

  openStats(): { readonly id: number; readonly stats: Promise<EngineStats> } {
    const id = this.#nextId++
    const stats = new Promise<EngineStats>((resolve, reject) => this.#statsWaiters.set(id, { resolve, reject }))
    return { id, stats }
  }

  deliverStats(id: number, stats: EngineStats): void {
    this.#statsWaiters.get(id)?.resolve(stats)
    this.#statsWaiters.delete(id)
  }

  /** Events of a generation that was closed meanwhile are dropped. */
  deliver(id: number, event: GenerationEvent): void {
    const queue = this.#generations.get(id)
    if (queue === undefined) return
    if (event.type === 'generation-error') queue.fail(toProblem(event.failure))
    else queue.push(event)
    if (event.type !== 'generation-end' && event.type !== 'generation-error') return
    this.#generations.delete(id)
    queue.end()
  }

  failAll(problem: ApiProblem): void {
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

function toProblem({ kind, message, param }: EngineFailure): ApiProblem {
  return new ApiProblem(problemKinds[kind], message, kind === 'overloaded' ? { param, retryAfter: 1 } : { param })
}
