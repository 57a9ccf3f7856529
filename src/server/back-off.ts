import type { EngineClientOptions } from './engine-client-options.ts'

/** How long to wait before start number `attempt` (from 0): doubling, capped. */
export function backOffMs(attempt: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** attempt)
}

type BackOffOptions = Required<
  Pick<EngineClientOptions, 'firstBackOffMs' | 'mostBackOffMs' | 'mostBackOffOnceReadyMs' | 'healthyAfterMs'>
>

/** How long to wait before each new start of a process that keeps ending. */
export class BackOff {
  readonly #options: BackOffOptions
  #attempt = 0

  constructor(options: BackOffOptions) {
    this.#options = options
  }

  /** @param loaded whether the process that ended after `livedMs` had got ready */
  next(livedMs: number, loaded: boolean): number {
    const { firstBackOffMs, mostBackOffMs, mostBackOffOnceReadyMs, healthyAfterMs } = this.#options
    if (livedMs > healthyAfterMs) this.#attempt = 0
    return backOffMs(this.#attempt++, firstBackOffMs, loaded ? mostBackOffOnceReadyMs : mostBackOffMs)
  }
}
