import { ApiProblem, type ProblemKind } from './api-problem.ts'
import type { AlignmentReport, GenerationEvent, GenerationUsage } from './engine-messages.ts'
import type { TokenClock } from './metrics/token-clock.ts'
import type { RequestTrace } from './tracing/tracing.ts'

/** What there is to say of one request when it is over: the routes note it, metrics, logs and traces read it. */
export class RequestRecord {
  readonly id: string
  readonly method: string
  /** The route's path, not the request's: one of few. */
  readonly route: string
  /** Milliseconds, as performance.now() tells them. */
  readonly startedAt = performance.now()
  /** Name of the caller's key. */
  key: string | undefined
  /** What was asked for, where that is a served name. */
  model: string | undefined
  /** Name of its policy, `inline` for an alignment of the request's own; both where it overrides the policy. */
  policies: readonly string[] = []
  /** Who answered, where it was an upstream. */
  upstream: string | undefined
  streamed = false
  /** Sequences it may hold at one time. */
  cost: number | undefined
  /** When the engine or the upstream was asked. */
  handedOverAt: number | undefined
  clock: TokenClock | undefined
  usage: GenerationUsage | undefined
  alignment: AlignmentReport | undefined
  /** The limit of its key that it met. */
  limit: 'requests' | 'tokens' | 'concurrency' | undefined
  failure: ProblemKind | 'internal' | undefined
  /** Absent where requests are not traced. */
  trace: RequestTrace | undefined
  /** The trace context that calls for this request carry on. */
  traceparent: string | undefined
  /** What was asked: for the log, where the configuration wants it there. */
  prompt: unknown

  readonly #atEnd: (() => void)[] = []

  constructor(id: string, method: string, route: string) {
    this.id = id
    this.method = method
    this.route = route
  }

  /** What its key's limits are charged with; undefined where nobody counted. */
  get usedTokens(): number | undefined {
    const unworked = this.failure !== undefined && this.clock?.firstAt === undefined
    if (this.handedOverAt === undefined || unworked) return 0
    if (this.usage === undefined) return undefined
    return this.usage.promptTokens + (this.alignment?.tokens.generated ?? this.usage.completionTokens)
  }

  /** For calls that carry the trace on. */
  get carriedTrace(): { readonly traceparent?: string } {
    return this.traceparent === undefined ? {} : { traceparent: this.traceparent }
  }

  /** To be done when the request is over. */
  atEnd(act: () => void): void {
    this.#atEnd.push(act)
  }

  end(): void {
    for (const act of this.#atEnd.splice(0)) act()
  }

  /** The engine is asked, or an upstream. */
  handOver(clock?: TokenClock): void {
    this.handedOverAt = performance.now()
    this.clock = clock
    this.traceparent = this.trace?.handOver(this.upstream)
  }

  /** The reply is a stream whose pieces are told to the clock. */
  streams(clock: TokenClock): void {
    this.streamed = true
    this.clock = clock
  }

  /** What arrived together for a reply; called for every step of every reply, so it looks at no more than the ends. */
  note(batch: readonly GenerationEvent[]): void {
    if (batch[0]?.type === 'choice-delta') this.clock?.tick()
    const last = batch.at(-1)
    if (last?.type !== 'generation-end') return
    this.usage = last.usage
    this.alignment = last.alignment
  }

  failed(error: unknown): void {
    this.failure = error instanceof ApiProblem ? error.kind : 'internal'
  }
}

/** How a request ended. */
export interface RequestEnd {
  /** 499 when the client left before the reply began. */
  readonly status: number
  readonly seconds: number
  /** The client left before it had everything. */
  readonly cut: boolean
}
