import type { Engine, EngineState } from './engine.ts'
import { type EngineClientOptions, engineClientDefaults } from './engine-client-options.ts'
import { type EngineAnswer, EngineLife } from './engine-life.ts'
import type {
  EngineCommand,
  EngineReport,
  EngineSetup,
  GenerationEvent,
  GenerationRequest,
  RewardRequest,
} from './engine-messages.ts'
import { InFlight } from './in-flight.ts'

/** The parent side of the engine process: carries requests to it and events back. */
export class EngineClient implements Engine {
  readonly #memoryCeilingBytes: number | undefined
  readonly #inFlight: InFlight
  readonly #life: EngineLife

  constructor(setup: EngineSetup, options: EngineClientOptions = {}) {
    const all = { ...engineClientDefaults, ...options }
    this.#memoryCeilingBytes = all.memoryCeiling?.bytes
    this.#inFlight = new InFlight(all.mostWaitingBytes)
    this.#life = new EngineLife(setup, all, this.#inFlight, (answer) => this.#receive(answer))
  }

  get state(): EngineState {
    return { ...this.#life.state, memoryCeilingBytes: this.#memoryCeilingBytes }
  }

  /**
   * Resolves to true when the models are loaded, to false when closed before that; rejects when the first load fails, and
   * then nothing is retried.
   */
  start(): Promise<boolean> {
    return this.#life.start()
  }

  generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    return this.#events((id) => ({ type: 'generation-request', id, request }), signal)
  }

  judge(request: RewardRequest, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    return this.#events((id) => ({ type: 'reward-request', id, request }), signal)
  }

  stats(): Promise<EngineReport> {
    return this.#life.stats()
  }

  /** Requests that are with the engine. */
  get inFlight(): number {
    return this.#inFlight.generations
  }

  /** Ends the process and every request that is still with it. */
  close(): Promise<void> {
    return this.#life.close()
  }

  async *#events(ask: (id: number) => EngineCommand, signal: AbortSignal): AsyncGenerator<readonly GenerationEvent[]> {
    signal.throwIfAborted()
    const child = this.#life.forRequest()
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

  #receive(answer: EngineAnswer): void {
    if (answer.type === 'stats') this.#inFlight.deliverStats(answer.id, answer.stats)
    else for (const [id, event] of answer.events) this.#deliver(id, event)
  }

  #deliver(id: number, event: GenerationEvent): void {
    if (!this.#inFlight.deliver(id, event)) this.#life.abort(id)
  }
}
