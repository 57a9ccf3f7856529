import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { jsonOf } from '../server/toy-gateway.ts'
import { fakeUpstream } from '../upstream/fake-upstream.ts'
import { cannotServe, startServer } from './server-process.ts'

/** The binary of a Prometheus; promtool lies beside it, or is found by its name. */
const prometheus = process.env['TRIMTAB_PROMETHEUS']
const skip = cannotServe || (prometheus === undefined && 'TRIMTAB_PROMETHEUS names no prometheus binary')
const port = Number(process.env['TRIMTAB_PROMETHEUS_PORT'] ?? 9377)

const rootUrl = new URL('../../', import.meta.url)
const path = (name: string) => fileURLToPath(new URL(name, rootUrl))
const folder = mkdtempSync(join(tmpdir(), 'trimtab-prometheus-'))

/** The embedded family, and a model of an upstream. */
function writeConfig(upstream: string): string {
  const family = path('models/tiny/trimtab.yaml')
  const text = readFileSync(family, 'utf8').replaceAll(/\.\/(?=[a-z])/g, `${dirname(family)}/`)
  const config = parse(text)
  config.models.far = { upstream: 'gpu' }
  const file = join(folder, 'trimtab.yaml')
  const engine = { memory: '256MiB', memory_ceiling: '4GiB' }
  writeFileSync(file, stringify({ ...config, engine, upstreams: { gpu: { kind: 'openai', urls: [upstream] } } }))
  return file
}

async function startPrometheus(target: string, context: TestContext): Promise<string> {
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [path('deploy/observability/alerts.yaml')],
    scrape_configs: [{ job_name: 'trimtab', static_configs: [{ targets: [target] }] }],
  }
  writeFileSync(join(folder, 'prometheus.yaml'), stringify(config))
  const child = spawn(prometheus!, [
    `--config.file=${join(folder, 'prometheus.yaml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ])
  context.after(async () => {
    child.kill()
    await once(child, 'close')
  })
  const url = `http://127.0.0.1:${port}`
  for (let i = 0; i < 100; i++) {
    if ((await fetch(`${url}/-/ready`).catch(() => undefined))?.ok) return url
    await sleep(100)
  }
  throw new Error('prometheus did not start')
}

const chat = {
  model: 'tiny',
  messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }],
  max_tokens: 24,
}

const bodies: readonly object[] = [
  chat,
  { ...chat, stream: true },
  { ...chat, model: 'tiny-friendly', stream: true },
  { ...chat, alignment: { particles: { n: 4, reward: 'steps', resample_every: 8, lambda: 4 } } },
  { ...chat, alignment: { best_of: { n: 4, reward: 'sentiment', prune: { at: [8] } } } },
  { ...chat, model: 'far' },
  { ...chat, model: 'nobody' },
]

async function work(url: string, forMs: number): Promise<void> {
  const end = performance.now() + forMs
  while (performance.now() < end)
    for (const body of bodies) {
      const reply = await fetch(`${url}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) })
      await reply.text()
    }
}

async function query(url: string, expr: string): Promise<readonly object[]> {
  const reply = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(expr)}`)
  const { status, error, data } = await jsonOf(reply)
  assert.equal(status, 'success', `${expr}: ${error}`)
  return data.result
}

describe('a Prometheus that scrapes a server at work', { skip }, () => {
  it('accepts the rules, and answers every query of the dashboard', async (context) => {
    execFileSync(join(dirname(prometheus!), 'promtool'), ['check', 'rules', path('deploy/observability/alerts.yaml')])
    const far = await fakeUpstream((_, response) => {
      response.setHeader('content-type', 'application/json')
      response.end('{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}')
    })
    context.after(() => far.close())
    const server = await startServer(['--memory', '256MiB'], ['--config', writeConfig(far.url)])
    context.after(() => server.kill())
    const url = await startPrometheus(new URL(server.url).host, context)
    await work(server.url, 12_000)
    await sleep(2000)
    const { panels } = JSON.parse(readFileSync(path('deploy/observability/grafana-dashboard.json'), 'utf8'))
    for (const { title, targets = [] } of panels)
      for (const { expr } of targets) {
        const asked = expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '10s')
        assert.ok((await query(url, asked)).length > 0, `${title}: ${asked} has no series`)
      }
    const { groups } = (await jsonOf(await fetch(`${url}/api/v1/rules`))).data
    for (const { name, health, lastError } of groups[0].rules) assert.equal(health, 'ok', `${name}: ${lastError}`)
  })
})
