import type { HttpBindings } from '@hono/node-server'
import type { AlignmentCatalogue } from './alignment-catalogue.ts'
import type { Engine } from './engine.ts'
import type { EventLoopDelay } from './event-loop-delay.ts'
import type { Caller } from './keys/caller.ts'
import type { KeyRing } from './keys/key-ring.ts'
import type { Load } from './load.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { ServedModels } from './models.ts'
import type { RequestEnd, RequestRecord } from './request-record.ts'
import type { Tracing } from './tracing/tracing.ts'
import type { Upstreams } from './upstreams.ts'

/** What the routes need; the composition root makes it, tests make a small one. */
export interface Gateway {
  readonly engine: Engine
  readonly models: ServedModels
  readonly upstreams: Upstreams
  /** Names of the rewards that requests may use. */
  readonly rewards: readonly string[]
  /** What requests may ask of `alignment`, as GET /v1/alignment tells it. */
  readonly catalogue: AlignmentCatalogue
  /** Folder of the built playground; undefined: none is served. */
  readonly playground: string | undefined
  readonly limits: {
    readonly bodyBytes: number
    readonly maxChoices: number
    readonly defaultMaxTokens: number
    readonly keepAliveMs: number
    /** Most log-probabilities that one reply may hold in memory. */
    readonly heldLogprobs: number
    /** Most sequences that all requests under way may hold; absent: no bound. */
    readonly inFlightCost?: number | undefined
  }
  /** True once the server is going down: new work is refused, what runs goes on. */
  isDraining(): boolean
  eventLoopDelay(): EventLoopDelay
  readonly load: Load
  readonly keys: KeyRing
  /** Who may read /metrics. */
  readonly metricsAccess: 'open' | 'key' | 'off'
  /** Origins whose pages may read replies. */
  readonly corsOrigins: readonly string[]
  readonly metrics: Metrics
  /** Absent where no traces are asked for. */
  readonly tracing?: Tracing | undefined
  /** A request below /v1/ is over, and its reply has left. */
  onRequestEnd(record: RequestRecord, end: RequestEnd): void
  /** A failure that is nobody's request's fault. */
  onFault(error: unknown, requestId: string): void
}

/** The Hono environment of our routes. */
export interface AppEnvironment {
  Bindings: Partial<HttpBindings>
  Variables: { requestId: string; record: RequestRecord; caller: Caller | undefined }
}
