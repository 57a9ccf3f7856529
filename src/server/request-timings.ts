import type { GenerationEvent } from './engine-messages.ts'
import { commentFrame } from './sse.ts'

/** Asked for with the value `true`. Load generators that buffer event streams cannot time them themselves. */
export const timingsHeader = 'x-trimtab-timings'

/** When the batches of an answer's text came from the engine, in milliseconds since the request's body was understood. */
export class RequestTimings {
  readonly #start = performance.now()
  readonly #textMs: number[] = []

  /** The same batches, noted as they pass. */
  async *watch(batches: AsyncIterable<readonly GenerationEvent[]>): AsyncGenerator<readonly GenerationEvent[]> {
    for await (const batch of batches) {
      if (batch.some((event) => event.type === 'choice-delta' && event.text !== '')) this.#textMs.push(this.#elapsed())
      yield batch
    }
  }

  /** The same frames, and after the last one a comment, which clients skip. */
  async *told(frames: AsyncIterable<string>): AsyncGenerator<string> {
    yield* frames
    yield commentFrame(`timings ${JSON.stringify({ text_ms: this.#textMs, total_ms: this.#elapsed() })}`)
  }

  /** Value of the standard header Server-Timing. */
  serverTiming(): string {
    const first = this.#textMs[0]
    const total = `total;dur=${this.#elapsed()}`
    return first === undefined ? total : `first;dur=${first}, ${total}`
  }

  #elapsed(): number {
    return Math.round((performance.now() - this.#start) * 100) / 100
  }
}
