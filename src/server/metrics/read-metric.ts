import type { Metric, Registry } from 'prom-client'
import type { Distribution } from '../../decoding/bucket-counts.ts'

/** One value of a metric that is counted elsewhere. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>
  readonly value: number | Distribution
}

export interface MetricDefinition {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
}

/**
 * A metric whose values are read when somebody asks: prom-client's own counters cannot be set, and its histograms take a hash of their labels
 * for every value.
 */
export function readMetric(registry: Registry, definition: MetricDefinition, read: () => readonly Sample[]): void {
  const { name } = definition
  const get = async () => ({ ...definition, aggregator: 'sum', values: read().flatMap((sample) => rows(name, sample)) })
  // The registry asks of its members no more than this, which its types do not say.
  registry.registerMetric({ ...definition, get, reset: () => {} } as unknown as Metric)
}

function rows(name: string, { labels = {}, value }: Sample): readonly object[] {
  if (typeof value === 'number') return [{ labels, value }]
  let below = 0
  const buckets = value.counts.map((count, index) => {
    below += count
    const le = value.bounds[index] ?? '+Inf'
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: below }
  })
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: value.sum },
    { metricName: `${name}_count`, labels, value: below },
  ]
}
