import type { BreakerSettings } from './upstream-settings.ts'

/**
 * Keeps calls away from a replica that failed several times in a row; when the wait is over, one call may try it, and its outcome decides.
 * `now` is a clock in milliseconds that may jump: a jump backwards never keeps the breaker open for longer than one more wait.
 */
export class CircuitBreaker {
  readonly #settings: BreakerSettings
  readonly #now: () => number
  #failures = 0
  #openedAt: number | undefined
  #onTrial = false

  constructor(settings: BreakerSettings, now: () => number) {
    this.#settings = settings
    this.#now = now
  }

  /** Whether a call may go now. */
  get admits(): boolean {
    if (this.#openedAt === undefined) return true
    return !this.#onTrial && this.waitMs === 0
  }

  /** Until it admits a call again, as far as time decides. */
  get waitMs(): number {
    if (this.#openedAt === undefined) return 0
    const elapsed = this.#now() - this.#openedAt
    if (elapsed < 0) this.#openedAt = this.#now()
    return Math.max(0, this.#settings.openMs - Math.max(0, elapsed))
  }

  /** A call goes; every call tells one of the three ends. */
  begin(): void {
    if (this.#openedAt !== undefined) this.#onTrial = true
  }

  succeed(): void {
    this.#failures = 0
    this.#openedAt = undefined
    this.#onTrial = false
  }

  fail(): void {
    this.#failures += 1
    this.#onTrial = false
    if (this.#openedAt !== undefined || this.#failures >= this.#settings.failures) this.#openedAt = this.#now()
  }

  /** The call ended for a reason that says nothing of the replica: its client left. */
  abandon(): void {
    this.#onTrial = false
  }
}
