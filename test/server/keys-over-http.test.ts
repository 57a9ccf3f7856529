import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { keyConfig } from '../../src/server/keys/key-config.ts'
import { hashKey, newKey } from '../../src/server/keys/key-hash.ts'
import { KeyRing } from '../../src/server/keys/key-ring.ts'
import { type FakeUpstream, fakeUpstream } from '../upstream/fake-upstream.ts'
import { exchange, passingGateway, type Sent, upstreamOf } from './passing-gateway.ts'
import { toyGateway } from './toy-gateway.ts'

const key = newKey()
const ringOf = (limits: object) =>
  new KeyRing({ team: keyConfig.parse({ hash: hashKey(key), ...limits }) }, undefined, () => 0)

describe('a key whose requests pass through', () => {
  let gpu: FakeUpstream
  before(async () => {
    gpu = await fakeUpstream((_, response) => {
      response.setHeader('content-type', 'application/json')
      response.setHeader('x-ratelimit-limit-tokens', '7')
      response.end('{"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":10,"total_tokens":40}}')
    })
  })
  after(() => gpu.close())

  async function gatewayFor(limits: object) {
    const config = {
      models: { chat: { upstream: 'gpu' }, other: { upstream: 'gpu' } },
      upstreams: { gpu: upstreamOf(gpu.url, { default: true }) },
    }
    const gateway = await passingGateway(config, { keys: ringOf(limits), corsOrigins: ['https://app.example.com'] })
    const ask = (body: object, sent: Sent = {}) =>
      exchange(gateway.url, {
        headers: {
          'content-type': 'application/json',
          authorization: `Bearer ${key}`,
          origin: 'https://app.example.com',
        },
        body: JSON.stringify({ model: 'chat', messages: [], ...body }),
        ...sent,
      })
    return { ...gateway, ask }
  }

  it('is checked before the upstream is asked, and never sent there', async () => {
    const gateway = await gatewayFor({ models: ['chat'], max_n: 2, concurrent_cost: 4 })
    const codes = async (body: object, sent?: Sent) => {
      const reply = await gateway.ask(body, sent)
      return [reply.status, JSON.parse(reply.body.toString()).error?.param]
    }
    assert.deepEqual(await codes({}, { headers: { 'content-type': 'application/json' } }), [401, 'Authorization'])
    assert.deepEqual(await codes({ model: 'other' }), [403, 'model'])
    assert.deepEqual(await codes({ model: 'unheard-of' }, { path: '/v1/embeddings' }), [403, 'model'])
    assert.deepEqual(await codes({ n: 3 }), [403, 'n'])
    assert.deepEqual(gpu.received, [])
    assert.equal((await gateway.ask({ n: 2 })).status, 200)
    assert.doesNotMatch(JSON.stringify(gpu.received.map(({ rawHeaders }) => rawHeaders)), new RegExp(key))
    await gateway.close()
  })

  it('has our limits in the headers of the reply, and is charged what the reply says it used', async () => {
    const gateway = await gatewayFor({ requests_per_minute: 9, tokens_per_minute: 1000 })
    const first = await gateway.ask({ max_tokens: 500 })
    assert.equal(first.headers['x-ratelimit-remaining-requests'], '8')
    assert.equal(first.headers['x-ratelimit-limit-tokens'], '1000', "not the upstream's own")
    assert.ok(Number(first.headers['x-ratelimit-remaining-tokens']) < 500)
    assert.equal(first.headers['access-control-allow-origin'], 'https://app.example.com')
    assert.equal(first.headers['vary'], 'Origin')
    const second = await gateway.ask({ max_tokens: 900 })
    assert.equal(second.status, 200, 'the first took 40 in the end')
    assert.equal((await gateway.ask({ max_tokens: 930 })).status, 429)
    await gateway.close()
  })
})

describe('pages of other origins', () => {
  const preflight = {
    method: 'OPTIONS',
    headers: { origin: 'https://app.example.com', 'access-control-request-method': 'POST' },
  }

  it('are kept out unless theirs is configured', async () => {
    const closed = await toyGateway().app.request('/v1/chat/completions', preflight)
    assert.equal(closed.headers.get('access-control-allow-origin'), null)
    assert.equal(closed.status, 405)
  })

  it('that are configured may ask before they have shown a key', async () => {
    const { app } = toyGateway({ keys: ringOf({}), corsOrigins: ['https://app.example.com'] })
    const open = await app.request('/v1/chat/completions', preflight)
    assert.equal(open.status, 204)
    assert.equal(open.headers.get('access-control-allow-origin'), 'https://app.example.com')
    const foreign = await app.request('/v1/chat/completions', {
      ...preflight,
      headers: { ...preflight.headers, origin: 'https://evil.example' },
    })
    assert.equal(foreign.headers.get('access-control-allow-origin'), null)
    const refused = await app.request('/v1/models', { headers: { origin: 'https://app.example.com' } })
    assert.equal(refused.status, 401)
    assert.equal(
      refused.headers.get('access-control-allow-origin'),
      'https://app.example.com',
      'so that the page can read why',
    )
  })
})

describe('/metrics', () => {
  it('is open, needs a key, or is not there, as configured', async () => {
    const keys = ringOf({})
    const status = async (metricsAccess: 'open' | 'key' | 'off', headers: Record<string, string> = {}) =>
      (await toyGateway({ keys, metricsAccess }).app.request('/metrics', { headers })).status
    assert.equal(await status('open'), 200)
    assert.equal(await status('key'), 401)
    assert.equal(await status('key', { 'x-api-key': key }), 200)
    assert.equal(await status('off', { 'x-api-key': key }), 404)
  })
})
