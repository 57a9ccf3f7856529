import type { RetrySettings } from './upstream-settings.ts'

/**
 * Bounds the retries of an upstream to a share of its calls, so that an outage is not made worse by everybody asking twice. Needs no clock:
 * each call pays in `ratio`, each retry takes out one, and no more than `reserve` is ever saved.
 */
export class RetryBudget {
  readonly #settings: Pick<RetrySettings, 'ratio' | 'reserve'>
  #saved: number

  constructor(settings: Pick<RetrySettings, 'ratio' | 'reserve'>) {
    this.#settings = settings
    this.#saved = settings.reserve
  }

  payIn(): void {
    this.#saved = Math.min(this.#settings.reserve, this.#saved + this.#settings.ratio)
  }

  /** True when a retry may be made; it is then paid for. */
  take(): boolean {
    if (this.#saved < 1) return false
    this.#saved -= 1
    return true
  }
}
