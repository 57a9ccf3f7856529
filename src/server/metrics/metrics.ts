import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { BucketCounts } from '../../decoding/bucket-counts.ts'
import { resolutionMs } from '../event-loop-delay.ts'
import type { RequestEnd, RequestRecord } from '../request-record.ts'
import { readMetric } from './read-metric.ts'
import { gapBounds, requestMetrics } from './request-metrics.ts'
import { SteeringMetrics } from './steering-metrics.ts'
import { TokenClock } from './token-clock.ts'

/** Everything that is counted in this process. */
export class Metrics {
  readonly registry = new Registry()
  readonly #requests = requestMetrics([this.registry])
  readonly #steering = new SteeringMetrics([this.registry])
  readonly #gaps = new Map<string, BucketCounts>()

  constructor(version: string) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: resolutionMs })
    // A series that begins at 1 never rose, as far as rate() and increase() know.
    for (const result of ['ok', 'invalid', 'restart_required']) this.#requests.reloads.inc({ result }, 0)
    for (const reason of ['queue', 'draining', 'requests', 'tokens', 'concurrency'])
      this.#requests.rejected.inc({ reason }, 0)
    const labels = { version, node: process.version }
    new Gauge({
      name: 'trimtab_build_info',
      help: 'Always 1.',
      labelNames: ['version', 'node'] as const,
      registers,
    }).set(labels, 1)
    readMetric(
      this.registry,
      { name: 'trimtab_inter_token_seconds', help: 'Between two pieces of streamed text.', type: 'histogram' },
      () => [...this.#gaps].map(([model, gaps]) => ({ labels: { model }, value: gaps.read() })),
    )
  }

  /** For the pieces of one reply. */
  clock(model = 'unknown'): TokenClock {
    const gaps = this.#gaps.get(model) ?? new BucketCounts(gapBounds)
    this.#gaps.set(model, gaps)
    return new TokenClock(gaps)
  }

  begin(): void {
    this.#requests.inFlight.inc()
  }

  end(record: RequestRecord, { status, seconds, cut }: RequestEnd): void {
    const { requests, inFlight, duration, overhead, disconnects } = this.#requests
    const { route, model = 'unknown', startedAt, handedOverAt } = record
    const [policy = 'none'] = record.policies
    inFlight.dec()
    requests.inc({ route, model, policy, status: String(status) })
    duration.observe({ route, model }, seconds)
    if (handedOverAt !== undefined) overhead.observe({ route }, (handedOverAt - startedAt) / 1000)
    if (cut) disconnects.inc()
    this.#countFailure(record)
    this.#countTokens(record, model)
    if (record.alignment !== undefined) this.#steering.count(record.alignment)
  }

  reloaded(result: 'ok' | 'invalid' | 'restart_required'): void {
    this.#requests.reloads.inc({ result })
  }

  #countFailure({ failure, limit }: RequestRecord): void {
    const { errors, rejected } = this.#requests
    if (failure !== undefined) errors.inc({ kind: failure })
    if (failure === 'overloaded') rejected.inc({ reason: 'queue' })
    if (failure === 'draining') rejected.inc({ reason: 'draining' })
    if (limit !== undefined) rejected.inc({ reason: limit })
  }

  #countTokens({ usage, alignment, clock, startedAt }: RequestRecord, model: string): void {
    const { firstToken, perToken, tokens } = this.#requests
    if (clock?.firstAt !== undefined) firstToken.observe({ model }, (clock.firstAt - startedAt) / 1000)
    if (usage === undefined) return
    const { promptTokens, cachedTokens, completionTokens } = usage
    const { generated, guide } = alignment?.tokens ?? { generated: 0, guide: 0 }
    const counts = { prompt: promptTokens, cached: cachedTokens, completion: completionTokens, generated, guide }
    for (const [kind, count] of Object.entries(counts)) tokens.inc({ model, kind }, count)
    if (clock?.firstAt === undefined || completionTokens < 2) return
    perToken.observe({ model }, (clock.lastAt - clock.firstAt) / 1000 / (completionTokens - 1))
  }
}
