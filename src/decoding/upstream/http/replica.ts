import { Pool } from 'undici'
import { CircuitBreaker } from './circuit-breaker.ts'
import type { ReplicaState } from './upstream-client.ts'
import type { UpstreamSettings } from './upstream-settings.ts'

/** One server of an upstream: its connections, its load and what is known of its health. */
export class Replica {
  readonly address: string
  readonly pool: Pool
  readonly breaker: CircuitBreaker
  /** Calls under way. */
  load = 0
  /** Probes failed in a row; undefined before the first. */
  failedProbes: number | undefined
  /** What the last failed probe or call said. */
  trouble: string | undefined
  readonly #basePath: string
  readonly #mostFailedProbes: number

  constructor(root: string, settings: UpstreamSettings, now: () => number) {
    const url = new URL(root)
    this.address = url.href
    this.#basePath = url.pathname.replace(/\/+$/, '')
    this.#mostFailedProbes = settings.health.failures
    this.breaker = new CircuitBreaker(settings.breaker, now)
    // uvicorn answers HTTP/1.1 only, and closes idle connections after 5 s: undici's own 4 s come first.
    this.pool = new Pool(url.origin, { allowH2: false, connect: { timeout: settings.deadlines.connectMs } })
  }

  /** A path below the upstream's root as this server knows it. */
  pathOf(path: string): string {
    return this.#basePath + path
  }

  get isDown(): boolean {
    return (this.failedProbes ?? 0) >= this.#mostFailedProbes
  }

  get state(): ReplicaState {
    const { address, load } = this
    if (!this.breaker.admits) return { address, load, status: 'open', ...this.#reason }
    if (this.isDown) return { address, load, status: 'down', ...this.#reason }
    return { address, load, status: this.failedProbes === undefined ? 'unknown' : 'up' }
  }

  get #reason(): { readonly reason?: string } {
    return this.trouble === undefined ? {} : { reason: this.trouble }
  }
}
