/** How a bucket stands, for the headers of a reply. */
export interface BucketState {
  readonly limit: number
  readonly remaining: number
  /** Until it is full again. */
  readonly resetMs: number
}

/** A budget that refills evenly, a minute from empty to full. `now` is in milliseconds. */
export class TokenBucket {
  readonly limit: number
  readonly #now: () => number
  #level: number
  #at: number

  constructor(limit: number, now: () => number) {
    this.limit = limit
    this.#now = now
    this.#level = limit
    this.#at = now()
  }

  /** Takes `amount` where it is there; otherwise takes nothing and tells after how many milliseconds it will be. */
  take(amount: number): number {
    this.#refill()
    const lacking = amount - this.#level
    if (lacking > 0) return Math.ceil((lacking * 60_000) / this.limit)
    this.#level -= amount
    return 0
  }

  /** Gives back, or takes what turned out to be needed (negative): then it may owe, and the next ones wait. */
  give(amount: number): void {
    this.#refill()
    this.#level = Math.min(this.limit, this.#level + amount)
  }

  get state(): BucketState {
    this.#refill()
    const resetMs = Math.ceil(((this.limit - this.#level) * 60_000) / this.limit)
    return { limit: this.limit, remaining: Math.max(0, Math.floor(this.#level)), resetMs }
  }

  #refill(): void {
    const now = this.#now()
    this.#level = Math.min(this.limit, this.#level + ((now - this.#at) / 60_000) * this.limit)
    this.#at = now
  }
}
