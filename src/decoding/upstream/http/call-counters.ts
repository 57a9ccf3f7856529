import { BucketCounts, type Distribution, doublingBounds } from '../../bucket-counts.ts'
import type { Attempt } from './attempt.ts'

/** What came of the calls to one upstream since its client was opened, probes left out. */
export interface CallCounts {
  /** Attempts by what they came to: `2xx` .. `5xx`, the kind of an UpstreamError, or `left` by the caller. */
  readonly outcomes: Readonly<Record<string, number>>
  /** Attempts after the first of a call. */
  readonly retries: number
  /** From the request to the head of its reply. */
  readonly headSeconds: Distribution
}

/** Counts every attempt of an upstream's calls. */
export class CallCounters {
  readonly #outcomes: Record<string, number> = {}
  readonly #headSeconds = new BucketCounts(doublingBounds(0.005, 16))
  #retries = 0

  retried(): void {
    this.#retries++
  }

  /** Passes on what an attempt comes to. */
  async count(attempt: Promise<Attempt>): Promise<Attempt> {
    const startedAt = performance.now()
    let outcome = 'left'
    try {
      const result = await attempt
      outcome = 'reply' in result ? `${Math.floor(result.reply.status / 100)}xx` : result.failure.error.kind
      if ('reply' in result) this.#headSeconds.add((performance.now() - startedAt) / 1000)
      return result
    } finally {
      this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1
    }
  }

  read(): CallCounts {
    return { outcomes: { ...this.#outcomes }, retries: this.#retries, headSeconds: this.#headSeconds.read() }
  }
}
