import { BucketCounts, doublingBounds } from '../bucket-counts.ts'
import type { EngineStats } from './engine-options.ts'

type Counted = Pick<
  EngineStats,
  | 'steps'
  | 'prefilledTokens'
  | 'cachedTokens'
  | 'promptTokens'
  | 'decodedRows'
  | 'rowsPerStep'
  | 'stepSeconds'
  | 'queueSeconds'
>

/** What the engine's loop has done since it was made. */
export class StepCounters {
  steps = 0
  prefilledTokens = 0
  readonly #rowsPerStep = new BucketCounts(doublingBounds(1, 11))
  readonly #stepSeconds = new BucketCounts(doublingBounds(0.001, 14))
  readonly #queueSeconds = new BucketCounts(doublingBounds(0.001, 18))
  #decodedRows = 0
  #cachedTokens = 0
  #promptTokens = 0

  admitted(promptTokens: number, cachedTokens: number, waitedMs: number): void {
    this.#promptTokens += promptTokens
    this.#cachedTokens += cachedTokens
    this.#queueSeconds.add(waitedMs / 1000)
  }

  decoded(rows: number): void {
    this.#decodedRows += rows
    this.#rowsPerStep.add(rows)
  }

  stepped(tookMs: number): void {
    this.steps++
    this.#stepSeconds.add(tookMs / 1000)
  }

  read(): Counted {
    return {
      steps: this.steps,
      prefilledTokens: this.prefilledTokens,
      cachedTokens: this.#cachedTokens,
      promptTokens: this.#promptTokens,
      decodedRows: this.#decodedRows,
      rowsPerStep: this.#rowsPerStep.read(),
      stepSeconds: this.#stepSeconds.read(),
      queueSeconds: this.#queueSeconds.read(),
    }
  }
}
