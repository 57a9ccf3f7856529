import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pino } from 'pino'
import { parseConfig } from '../../src/server/config-file.ts'
import { ConfigError } from '../../src/server/environment-references.ts'
import { hashKey, newKey } from '../../src/server/keys/key-hash.ts'
import { Metrics } from '../../src/server/metrics/metrics.ts'
import { LiveSettings } from '../../src/server/reload.ts'

const upstream = (change: object = {}) => ({
  kind: 'vllm',
  urls: ['http://127.0.0.1:1'],
  health: { every_seconds: 0 },
  ...change,
})
const base = { models: { chat: { upstream: 'gpu' } }, upstreams: { gpu: upstream(), other: upstream() } }
const parse = (change: object = {}) => parseConfig({ ...base, ...change }, 'the test')

function liveOver(config = parse()) {
  const lines: Record<string, unknown>[] = []
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const metrics = new Metrics('0.0.0')
  const live = new LiveSettings(config, log, metrics)
  const count = async (result: string) =>
    Number(new RegExp(`reloads_total\\{result="${result}"\\} (\\d+)`).exec(await metrics.registry.metrics())?.[1] ?? 0)
  return { live, lines, count, close: () => Promise.all(live.upstreamClients.map((client) => client.close())) }
}

describe('a reload', () => {
  it('puts limits, names, keys and upstreams in place together', async () => {
    const { live, lines, count, close } = liveOver()
    const next = parse({
      server: { max_n: 3, cors_origins: ['https://app.example.com'] },
      policies: { calm: { guides: [{ principle: 'Be calm.', weight: 1 }] } },
      models: { chat: { upstream: 'gpu' }, more: { upstream: 'gpu' } },
      keys: { team: { hash: hashKey(newKey()) } },
      metrics: { access: 'off' },
    })
    live.reload(() => next)
    assert.equal(live.current.limits.maxChoices, 3)
    assert.deepEqual([...live.current.models.names.keys()], ['chat', 'more'])
    assert.ok(live.current.models.policies.has('calm'))
    assert.deepEqual(live.current.corsOrigins, ['https://app.example.com'])
    assert.equal(live.current.metricsAccess, 'off')
    assert.throws(() => live.current.keys.identify(() => undefined))
    assert.equal(lines.at(-1)?.['msg'], 'configuration reloaded')
    assert.equal(await count('ok'), 1)
    await close()
  })

  it('that is not valid leaves everything as it was, and says why', async () => {
    const { live, lines, count, close } = liveOver()
    const before = live.current
    live.reload(() => parse({ sever: {} }))
    assert.equal(live.current, before)
    assert.match(String(lines.at(-1)?.['reason']), /sever: is not a known field \(did you mean 'server'\?\)/)
    live.reload(() => {
      throw new ConfigError('trimtab.yaml: the file does not exist')
    })
    live.reload(() => {
      throw new Error('the disk is on fire')
    })
    assert.equal(live.current, before)
    assert.equal(await count('invalid'), 3)
    await close()
  })

  it('that would need a restart is refused as a whole, with the parts named', async () => {
    const { live, lines, count, close } = liveOver()
    const before = live.current
    live.reload(() =>
      parse({
        server: { port: 9, max_n: 3 },
        engine: { threads: 7 },
        rewards: { brief: { kind: 'length', unit: 'words', max: 60 } },
      }),
    )
    assert.equal(live.current, before)
    assert.deepEqual(lines.at(-1)?.['parts'], ['server.port', 'engine', 'rewards'])
    assert.match(String(lines.at(-1)?.['msg']), /a restart is needed to change server\.port, engine, rewards/)
    assert.equal(await count('restart_required'), 1)
    await close()
  })

  it('keeps the connections of upstreams whose entry stayed, and closes the others when they are idle', async () => {
    const { live, close } = liveOver()
    const [gpu, other] = ['gpu', 'other'].map((name) => live.current.upstreams.byName.get(name)!.client)
    live.reload(() => parse({ upstreams: { gpu: upstream(), other: upstream({ affinity_bytes: 7 }) } }))
    assert.equal(live.current.upstreams.byName.get('gpu')?.client, gpu)
    assert.notEqual(live.current.upstreams.byName.get('other')?.client, other)
    assert.ok(live.upstreamClients.includes(other!), 'it is waited for until then')
    await close()
  })

  it('lets a key whose entry stayed go on with what it has used', () => {
    const secret = newKey()
    const keys = { team: { hash: hashKey(secret), requests_per_minute: 5 } }
    const { live } = liveOver(parse({ keys }))
    const header = (name: string) => (name === 'x-api-key' ? secret : undefined)
    live.current.keys.identify(header)?.countRequest()
    live.reload(() => parse({ keys }))
    assert.equal(live.current.keys.identify(header)?.headers()['x-ratelimit-remaining-requests'], '4')
    live.reload(() => parse({ keys: { team: { ...keys.team, requests_per_minute: 9 } } }))
    assert.equal(live.current.keys.identify(header)?.headers()['x-ratelimit-remaining-requests'], '9')
  })
})

describe('keys in the configuration', () => {
  const hash = hashKey(newKey())
  for (const [keys, complaint] of [
    [{ a: { hash: 'secret' } }, /keys\.a\.hash: .*`trimtab key` makes one/],
    [{ a: { hash, models: ['chta'] } }, /keys\.a\.models\[0\]: the model 'chta' does not exist; known: chat/],
    [{ a: { hash, policies: ['calm'] } }, /keys\.a\.policies\[0\]: the policy 'calm' does not exist; known: inline/],
    [{ a: { hash }, b: { hash } }, /keys\.b\.hash: is the key of 'a' too/],
    [{ a: { hash, expires: 'tomorrow' } }, /keys\.a\.expires/],
    [{ a: { hash, request_per_minute: 1 } }, /did you mean 'requests_per_minute'/],
  ] as const)
    it(`that are wrong are told: ${complaint.source}`, () => {
      assert.throws(() => parse({ keys }), complaint)
    })
})
