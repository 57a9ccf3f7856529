import assert from 'node:assert/strict'
import { after, afterEach, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type FakeUpstream, fakeUpstream, sayJson } from '../upstream/fake-upstream.ts'
import { exchange, passingGateway, type Sent, upstreamOf } from './passing-gateway.ts'
import { ToyEngine } from './toy-engine.ts'

type PassingGateway = Awaited<ReturnType<typeof passingGateway>>

const chat = (fields: object = {}) =>
  JSON.stringify({ model: 'llama', messages: [{ role: 'user', content: 'Hi' }], ...fields })

async function told(gateway: PassingGateway, sent: Sent) {
  const reply = await exchange(gateway.url, sent)
  return { status: reply.status, ...JSON.parse(reply.body.toString()).error }
}

describe('who answers', () => {
  let gpu: FakeUpstream
  let other: FakeUpstream
  let alone: PassingGateway
  let withDefault: PassingGateway
  before(async () => {
    gpu = await fakeUpstream(sayJson(200, { from: 'gpu' }))
    other = await fakeUpstream(sayJson(200, { from: 'other' }))
    const config = (change: object) => ({
      models: {
        tiny: { path: '/none' },
        llama: { upstream: 'gpu' },
        mistral: { upstream: 'other', name: 'mistralai/"M"' },
        hidden: { upstream: 'gpu', served: false },
      },
      upstreams: { gpu: upstreamOf(`${gpu.url}/v1/`, change), other: upstreamOf(other.url) },
      policies: { friendly: { on_reward_error: 'fail' } },
      aliases: { 'llama-friendly': { model: 'llama', policy: 'friendly' } },
      server: { body_limit: 10_000 },
    })
    alone = await passingGateway(config({}), { engine: new ToyEngine() })
    withDefault = await passingGateway(config({ default: true }), { engine: new ToyEngine() })
  })
  afterEach(() => {
    gpu.received.length = 0
    other.received.length = 0
  })
  after(async () => {
    for (const one of [alone, withDefault, gpu, other]) await one.close()
  })

  it('the upstream of the model that is named, the own engine for its own', async () => {
    assert.match((await exchange(alone.url, { body: chat() })).body.toString(), /"gpu"/)
    assert.match((await exchange(alone.url, { body: chat({ model: 'mistral' }) })).body.toString(), /"other"/)
    assert.match((await exchange(alone.url, { body: chat({ model: 'tiny' }) })).body.toString(), /"choices"/)
    assert.deepEqual([gpu.received.length, other.received.length], [1, 1])
    assert.equal(gpu.received[0]?.url, '/v1/chat/completions')
  })

  it('a model with another name at its upstream has that one field changed and nothing else', async () => {
    const body = '{ "a":1e3, "model" : "mistral" ,"a":{"model":"mistral"}}'
    await exchange(alone.url, { body })
    assert.equal(
      other.received[0]?.body.toString(),
      '{ "a":1e3, "model" : "mistralai/\\"M\\"" ,"a":{"model":"mistral"}}',
    )
    const headers = { 'content-encoding': 'gzip' }
    const refused = await told(alone, { body: gzipSync(chat({ model: 'mistral' })), headers })
    assert.deepEqual([refused.status, refused.param], [400, 'Content-Encoding'])
  })

  it('a form goes to the upstream of the model that it names, byte for byte but for a name of its own there', async () => {
    const form = (model: string, more = '') =>
      Buffer.from(
        `--b"x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nname="model"\r\n\r\nllama\r\n--b"x\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n${more}--b"x--\r\n`.replaceAll(
          'b"x',
          'b-1',
        ),
      )
    const headers = { 'content-type': 'multipart/form-data; boundary=b-1' }
    const path = '/v1/audio/transcriptions'
    const send = (body: Buffer) => exchange(withDefault.url, { path, headers, body })
    assert.match((await send(form('llama'))).body.toString(), /"gpu"/)
    assert.deepEqual(gpu.received[0]!.body, form('llama'))
    assert.match((await send(form('mistral'))).body.toString(), /"other"/)
    assert.deepEqual(other.received[0]!.body, form('mistralai/"M"'))
    // whoever serves it: the default upstream
    assert.match((await send(form('unknown'))).body.toString(), /"gpu"/)
    const part = '--b-1\r\nContent-Disposition: form-data; name="alignment"\r\n\r\n{}\r\n'
    assert.equal((await told(withDefault, { path, headers, body: form('llama', part) })).param, 'alignment')
  })

  const aligned: readonly (readonly [where: string, sent: Sent, param: string])[] = [
    ['the body', { body: chat({ alignment: { guides: [] } }) }, 'alignment'],
    ['the body, spelled with escapes', { body: '{"model":"llama","\\u0061lignment":{}}' }, 'alignment'],
    [
      'a compressed body',
      { body: gzipSync(chat({ alignment: {} })), headers: { 'content-encoding': 'gzip' } },
      'alignment',
    ],
    ['the header', { body: chat(), headers: { 'x-trimtab-alignment': 'friendly' } }, 'X-Trimtab-Alignment'],
    ['an alias', { body: chat({ model: 'llama-friendly' }) }, 'model'],
    ['its_hub’s header', { body: chat(), headers: { 'x-its-budget': '8' } }, 'X-ITS-Budget'],
  ]
  for (const [where, sent, param] of aligned) {
    for (const path of ['/v1/chat/completions', '/v1/completions', '/v1/responses']) {
      it(`an alignment in ${where} is refused by name, not ignored: ${path}`, async () => {
        const refused = await told(withDefault, { path, ...sent })
        assert.deepEqual([refused.status, refused.code, refused.param], [400, 'unsupported_parameter', param])
        assert.equal(gpu.received.length, 0)
      })
    }
  }

  it('the default upstream takes routes and bodies that belong to no model, but no alignment and none of ours', async () => {
    for (const sent of [
      { method: 'GET', path: '/v1/files?a=b' },
      { path: '/v1/embeddings', body: chat({ model: 'unknown' }) },
      { body: '{"messages":[]}' },
      { method: 'DELETE', path: '/v1/chat/completions/1' },
    ]) {
      assert.equal((await exchange(withDefault.url, sent)).status, 200)
    }
    assert.equal(gpu.received.length, 4)
    assert.deepEqual((await told(withDefault, { path: '/v1/embeddings', body: '{"alignment":{}}' })).param, 'alignment')
    assert.equal((await told(withDefault, { body: '{"alignment":{' })).status, 400)
    assert.equal((await told(withDefault, { body: chat({ model: 'unknown' }) })).code, 'model_not_found')
    assert.equal((await told(withDefault, { body: chat({ model: 'hidden' }) })).code, 'model_not_found')
    assert.equal((await told(withDefault, { method: 'DELETE', path: '/v1/models/llama' })).status, 405)
    assert.equal((await told(withDefault, { path: '/v1/embeddings', body: chat({ model: 'tiny' }) })).code, 'not_found')
    assert.equal(gpu.received.length, 4)
  })

  it('what belongs to no model is asked again only where it reads', async () => {
    const answer = gpu.answer
    gpu.answer = sayJson(503, {})
    await exchange(withDefault.url, { path: '/v1/batches', body: '{}' })
    assert.equal(gpu.received.length, 1)
    await exchange(withDefault.url, { method: 'GET', path: '/v1/batches' })
    assert.equal(gpu.received.length, 1 + 3)
    gpu.answer = answer
  })

  it('without one they are refused', async () => {
    assert.equal((await told(alone, { path: '/v1/embeddings', body: chat({ model: 'unknown' }) })).code, 'not_found')
    assert.equal((await told(alone, { method: 'GET', path: '/v1/chat/completions' })).status, 405)
    assert.equal((await told(alone, { body: '{"messages":[]}' })).status, 400)
    assert.equal((await exchange(alone.url, { path: '/v1/embeddings', body: chat() })).status, 200)
  })

  it('nothing outside of /v1/ is passed through, however it is spelled', async () => {
    for (const path of [
      '/v1/../secrets',
      '/v1/%2e%2e/secrets',
      '/v1/..%2fsecrets',
      '/v1/a/%2E%2E%2F..%5csecrets',
      '/secrets',
    ]) {
      assert.ok((await exchange(withDefault.url, { method: 'GET', path })).status >= 400, path)
    }
    assert.deepEqual(gpu.received, [])
  })

  it('bodies are bounded, also what they decompress to', async () => {
    assert.equal((await told(alone, { body: chat({ x: 'x'.repeat(20_000) }) })).code, 'request_too_large')
    const headers = { 'content-encoding': 'gzip' }
    const bomb = await told(alone, { body: gzipSync(chat({ x: 'x'.repeat(20_000) })), headers })
    assert.equal(bomb.code, 'request_too_large')
    const strange = await told(alone, { body: chat(), headers: { 'content-encoding': 'zstd' } })
    assert.deepEqual([strange.status, strange.param], [400, 'Content-Encoding'])
    assert.deepEqual(gpu.received, [])
  })

  it('the list of models has those of upstreams', async () => {
    const { body } = await exchange(alone.url, { method: 'GET', path: '/v1/models' })
    const ids = JSON.parse(body.toString()).data.map(({ id }: { id: string }) => id)
    assert.deepEqual(ids, ['tiny', 'llama', 'mistral', 'llama-friendly'])
    assert.equal((await exchange(alone.url, { method: 'GET', path: '/v1/models/llama' })).status, 200)
  })

  it('a server that shuts down takes nothing new', async () => {
    const draining = await passingGateway(
      { models: { llama: { upstream: 'gpu' } }, upstreams: { gpu: upstreamOf(gpu.url) } },
      { isDraining: () => true },
    )
    assert.equal((await told(draining, { body: chat() })).code, 'shutting_down')
    assert.equal((await told(draining, { path: '/v1/embeddings', body: chat() })).code, 'shutting_down')
    await draining.close()
    assert.deepEqual(gpu.received, [])
  })

  it('a reply that comes while the server shuts down keeps no connection', async () => {
    const closing = await passingGateway(
      { models: { llama: { upstream: 'gpu' } }, upstreams: { gpu: upstreamOf(gpu.url) } },
      { isDraining: () => gpu.received.length > 0 },
    )
    const { status, headers } = await exchange(closing.url, { body: chat() })
    assert.deepEqual([status, headers.connection], [200, 'close'])
    await closing.close()
  })

  it('replicas that the gateway can use make it ready', async () => {
    const ready = await exchange(alone.url, { method: 'GET', path: '/readyz' })
    const { status, upstreams } = JSON.parse(ready.body.toString())
    assert.deepEqual([ready.status, status], [200, 'ready'])
    assert.deepEqual(upstreams.gpu, { status: 'ready', replicas: [{ status: 'unknown', load: 0 }] })
    assert.ok(!ready.body.toString().includes('127.0.0.1'))
  })
})
