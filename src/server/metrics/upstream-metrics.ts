import type { Registry } from 'prom-client'
import type { CallCounts } from '../../decoding/upstream/http/call-counters.ts'
import type { EngineReport } from '../engine-messages.ts'
import type { Upstreams } from '../upstreams.ts'
import { readMetric, type Sample } from './read-metric.ts'

/** `passing`: requests sent on as they came. `steering`: the engine process's own calls. */
type Caller = 'passing' | 'steering'

/** Calls to upstreams, by name, and how their replicas stand. */
export function registerUpstreamMetrics(
  registry: Registry,
  upstreams: () => Upstreams,
  latest: () => EngineReport | undefined,
): void {
  const each = (read: (counts: CallCounts, labels: Record<string, string>) => readonly Sample[]) => () =>
    callers(upstreams(), latest()).flatMap(([upstream, caller, counts]) => read(counts, { upstream, caller }))
  readMetric(
    registry,
    { type: 'counter', name: 'trimtab_upstream_requests_total', help: 'Attempts at an upstream by what they came to.' },
    each(({ outcomes }, labels) =>
      Object.entries(outcomes).map(([outcome, value]) => ({ labels: { ...labels, outcome }, value })),
    ),
  )
  readMetric(
    registry,
    { type: 'counter', name: 'trimtab_upstream_retries_total', help: 'Attempts after the first of a call.' },
    each(({ retries }, labels) => [{ labels, value: retries }]),
  )
  readMetric(
    registry,
    { type: 'histogram', name: 'trimtab_upstream_head_seconds', help: 'From a call to the head of its reply.' },
    each(({ headSeconds }, labels) => [{ labels, value: headSeconds }]),
  )
  registerReplicaMetrics(registry, upstreams)
}

function registerReplicaMetrics(registry: Registry, upstreams: () => Upstreams): void {
  const clients = () => [...upstreams().byName].map(([upstream, { client }]) => ({ upstream, client }))
  readMetric(
    registry,
    { type: 'gauge', name: 'trimtab_upstream_inflight', help: 'Passed requests that are with an upstream.' },
    () => clients().map(({ upstream, client }) => ({ labels: { upstream }, value: client.inFlight })),
  )
  readMetric(registry, { type: 'gauge', name: 'trimtab_upstream_replicas', help: 'Replicas by how they stand.' }, () =>
    clients().flatMap(({ upstream, client }) =>
      (['unknown', 'up', 'down', 'open'] as const).map((status) => ({
        labels: { upstream, status },
        value: client.replicas.filter((replica) => replica.status === status).length,
      })),
    ),
  )
}

function callers(
  { byName }: Upstreams,
  report: EngineReport | undefined,
): readonly (readonly [upstream: string, caller: Caller, counts: CallCounts])[] {
  return [
    ...[...byName].map(([name, { client }]) => [name, 'passing', client.counts] as const),
    ...Object.entries(report?.upstreams ?? {}).map(([name, counts]) => [name, 'steering', counts] as const),
  ]
}
