import type { BucketCounts } from '../../decoding/bucket-counts.ts'

/** When the text of one reply came; asked for every piece of every stream, so it does next to nothing. */
export class TokenClock {
  readonly #gapSeconds: BucketCounts
  /** Milliseconds, as performance.now() tells them; undefined before the first text. */
  firstAt: number | undefined
  lastAt = 0

  constructor(gapSeconds: BucketCounts) {
    this.#gapSeconds = gapSeconds
  }

  /** Some text is here. */
  tick(): void {
    const now = performance.now()
    if (this.firstAt === undefined) this.firstAt = now
    else this.#gapSeconds.add((now - this.lastAt) / 1000)
    this.lastAt = now
  }
}
