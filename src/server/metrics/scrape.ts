import type { EngineReport } from '../engine-messages.ts'
import type { Gateway } from '../gateway.ts'
import { within } from '../within.ts'
import { registerEngineMetrics } from './engine-metrics.ts'
import { readMetric } from './read-metric.ts'
import { registerUpstreamMetrics } from './upstream-metrics.ts'

const patienceMs = 2000

/** What a scraper gets: this process's metrics, and the engine process's as it reports them now. */
export class Scrape {
  readonly #gateway: Gateway
  #latest: EngineReport | undefined

  constructor(gateway: Gateway) {
    this.#gateway = gateway
    const { registry } = gateway.metrics
    const latest = () => this.#latest
    registerEngineMetrics(registry, () => gateway.engine.state, latest)
    const cost = {
      type: 'gauge',
      name: 'trimtab_inflight_cost',
      help: 'Sequences that requests under way may hold.',
    } as const
    readMetric(registry, cost, () => [{ value: gateway.load.cost }])
    registerUpstreamMetrics(registry, () => gateway.upstreams, latest)
  }

  get contentType(): string {
    return this.#gateway.metrics.registry.contentType
  }

  async text(): Promise<string> {
    const { engine, metrics } = this.#gateway
    // An engine that is not there, or says nothing, leaves its metrics out: a stale number would look like a live one.
    const { status } = engine.state
    this.#latest = status === 'ready' || status === 'full' ? await within(engine.stats(), patienceMs) : undefined
    return await metrics.registry.metrics()
  }
}
