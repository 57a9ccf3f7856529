import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { parse } from 'yaml'
import { Metrics } from '../../src/server/metrics/metrics.ts'
import { toyGateway } from './toy-gateway.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

interface Known {
  readonly name: string
  readonly help: string
  readonly type: string
}

/** Everything in the registry of a server. */
async function knownMetrics(): Promise<readonly Known[]> {
  const { metrics } = toyGateway()
  return (await metrics.registry.getMetricsAsJSON()).map(({ name, help, type }) => ({
    name,
    help,
    type: String(type),
  }))
}

/** The names a query may use: those of histograms have suffixes. */
function series(known: readonly Known[]): ReadonlySet<string> {
  return new Set(
    known.flatMap(({ name, type }) =>
      type === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
    ),
  )
}

const usedIn = (query: string) => query.match(/\b(trimtab|nodejs|process)_[a-z0-9_]+/g) ?? []

describe('the dashboard and the alert rules', () => {
  const { panels } = JSON.parse(read('deploy/observability/grafana-dashboard.json'))
  const queries: { title: string; expr: string }[] = [
    ...panels.flatMap(({ title, targets = [] }: { title: string; targets?: { expr: string }[] }) =>
      targets.map(({ expr }) => ({ title, expr })),
    ),
    ...parse(read('deploy/observability/alerts.yaml')).groups.flatMap(
      ({ rules }: { rules: { alert: string; expr: string }[] }) =>
        rules.map(({ alert, expr }) => ({ title: alert, expr })),
    ),
  ]

  it('ask for metrics that exist', async () => {
    const names = series(await knownMetrics())
    assert.ok(queries.length > 50)
    for (const { title, expr } of queries) {
      assert.ok(usedIn(expr).length > 0, title)
      for (const name of usedIn(expr)) assert.ok(names.has(name), `${title}: there is no ${name}`)
    }
  })

  it('leave no metric of ours unused but those that say what is running', async () => {
    const used = new Set(queries.flatMap(({ expr }) => usedIn(expr)))
    const unused = (await knownMetrics())
      .filter(({ name }) => name.startsWith('trimtab_'))
      .filter(({ name }) => ![name, `${name}_bucket`, `${name}_sum`, `${name}_count`].some((one) => used.has(one)))
    assert.deepEqual(
      unused.map(({ name }) => name).sort(),
      [
        'trimtab_build_info',
        'trimtab_draft_rounds_total',
        'trimtab_engine_kv_blocks',
        'trimtab_engine_steps_total',
        'trimtab_particle_collapses_total',
        'trimtab_pruned_candidates_total',
        'trimtab_time_per_output_token_seconds',
        'trimtab_truncation_bound',
      ].sort(),
    )
  })
})

describe('docs/operations.md', () => {
  it('lists every metric, with what it is', async () => {
    const rows = (await knownMetrics())
      .filter(({ name }) => name.startsWith('trimtab_'))
      .map(({ name, help, type }) => `| \`${name}\` | ${type} | ${help} |`)
      .sort()
    const table = rows.join('\n')
    assert.ok(read('docs/operations.md').includes(table), `the table of metrics must be:\n${table}`)
  })
})

describe('names of metrics', () => {
  it('are of the format: counters end in _total, and units are seconds, bytes or ratios', async () => {
    for (const { name, type } of await new Metrics('0').registry.getMetricsAsJSON()) {
      if (!name.startsWith('trimtab_')) continue
      if (String(type) === 'counter') assert.match(name, /_total$/)
      assert.doesNotMatch(name, /_(ms|milliseconds|percent|mb)$/)
    }
  })
})
