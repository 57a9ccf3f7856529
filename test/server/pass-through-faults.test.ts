import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as send } from 'node:http'
import { after, afterEach, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import { ApiProblem } from '../../src/server/api-problem.ts'
import {
  type Answer,
  cutBody,
  cutStream,
  deadPort,
  eventStreamHead,
  type FakeUpstream,
  fakeUpstream,
  hangUp,
  sayJson,
  sayOk,
  saySilence,
} from '../upstream/fake-upstream.ts'
import { until } from '../upstream/settings.ts'
import { exchange, passingGateway, upstreamOf } from './passing-gateway.ts'

const body = JSON.stringify({ model: 'llama', messages: [] })
const models = { llama: { upstream: 'gpu' } }

/** The rows of docs/upstreams.md: what happens, and what a client gets. */
describe('the failure table of pass-through', () => {
  let engine: FakeUpstream
  let gateway: Awaited<ReturnType<typeof passingGateway>>
  before(async () => {
    engine = await fakeUpstream()
    const deadlines = { first_byte_seconds: 0.1, idle_seconds: 0.2 }
    gateway = await passingGateway({
      models,
      upstreams: { gpu: upstreamOf(engine.url, { deadlines, breaker: { failures: 1000 } }) },
    })
  })
  afterEach(async () => {
    await until(() => gateway.inFlight() === 0 && engine.open === 0)
    gateway.faults.length = 0
    engine.received.length = 0
  })
  after(async () => {
    await gateway.close()
    await engine.close()
  })

  const beforeFirstByte: readonly (readonly [
    what: string,
    answer: Answer,
    status: number,
    code: string,
    calls: number,
  ])[] = [
    ['never answers', saySilence, 504, 'upstream_timeout', 1],
    ['closes the connection', hangUp, 502, 'upstream_unreachable', 3],
    [
      'speaks no HTTP',
      (_request, response) => void response.socket?.end('NONSENSE\r\n\r\n'),
      502,
      'upstream_broken',
      1,
    ],
  ]
  for (const [what, answer, status, code, calls] of beforeFirstByte) {
    it(`an upstream that ${what}: ${status} ${code} after ${calls} calls`, async () => {
      engine.answer = answer
      const reply = await exchange(gateway.url, { body })
      assert.equal(reply.status, status)
      const { error } = JSON.parse(reply.body.toString())
      assert.deepEqual([error.code, error.param], [code, null])
      assert.match(error.message, /^The upstream 'gpu' /)
      assert.ok(!error.message.includes('127.0.0.1'))
      assert.equal(engine.received.length, calls)
      assert.ok(reply.headers['x-request-id'])
      const [fault] = gateway.faults
      assert.ok(fault instanceof ApiProblem)
    })
  }

  it('an upstream that is down at start: 502, and served once it is up', async () => {
    const port = await deadPort()
    const late = await passingGateway({ models, upstreams: { gpu: upstreamOf(`http://127.0.0.1:${port}`) } })
    const refused = await exchange(late.url, { body })
    assert.deepEqual([refused.status, JSON.parse(refused.body.toString()).error.code], [502, 'upstream_unreachable'])
    const up = await fakeUpstream(sayOk, port)
    assert.equal((await exchange(late.url, { body })).status, 200)
    await late.close()
    await up.close()
  })

  it('an upstream that keeps failing: 503 with Retry-After, without being asked', async () => {
    const broken = await fakeUpstream(hangUp)
    const breaker = { failures: 3, open_seconds: 30 }
    const guarded = await passingGateway({ models, upstreams: { gpu: upstreamOf(broken.url, { breaker }) } })
    assert.equal((await exchange(guarded.url, { body })).status, 502)
    const refused = await exchange(guarded.url, { body })
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '30'])
    assert.equal(JSON.parse(refused.body.toString()).error.code, 'upstream_unavailable')
    assert.equal(broken.received.length, 3)
    const ready = await exchange(guarded.url, { method: 'GET', path: '/readyz' })
    assert.deepEqual(
      [ready.status, JSON.parse(ready.body.toString())],
      [
        503,
        {
          status: 'upstream_unavailable',
          upstreams: { gpu: { status: 'unavailable', replicas: [{ status: 'open', load: 0 }] } },
        },
      ],
    )
    await guarded.close()
    await broken.close()
  })

  for (const status of [503, 504, 500, 429]) {
    it(`an upstream that answers ${status}: its own reply, after retries where they make sense`, async () => {
      engine.answer = sayJson(status, { error: 'mine' }, { 'retry-after': '7' })
      const reply = await exchange(gateway.url, { body })
      assert.deepEqual(
        [reply.status, reply.headers['retry-after'], reply.body.toString()],
        [status, '7', '{"error":"mine"}'],
      )
      assert.equal(engine.received.length, status > 500 ? 3 : 1)
      assert.deepEqual(gateway.faults, [])
    })
  }

  it('a model that is loading (503), then serves: the client sees the answer alone', async () => {
    engine.answer = (request, response) => (engine.received.length < 3 ? sayJson(503, {}) : sayOk)(request, response)
    assert.equal((await exchange(gateway.url, { body })).body.toString(), '{"ok":true}')
  })

  const inStream: readonly (readonly [what: string, answer: Answer, text: string, code: string])[] = [
    ['cut off between two events', cutStream('data: 1\n\n'), 'data: 1\n\n', 'upstream_broken'],
    ['cut off in an event', cutStream('data: 1\n\n', 'data: {"a'), 'data: 1\n\n', 'upstream_broken'],
    ['cut off before its first event', cutStream(': hello\n\n'), ': hello\n\n', 'upstream_broken'],
    [
      'that falls silent',
      (_request, response) => void response.writeHead(200, eventStreamHead).write('data: 1\n\n'),
      'data: 1\n\n',
      'upstream_timeout',
    ],
  ]
  for (const [what, answer, text, code] of inStream) {
    it(`a stream ${what}: an error frame, and an orderly end`, async () => {
      engine.answer = answer
      const reply = await exchange(gateway.url, { body })
      assert.deepEqual([reply.status, reply.cut, engine.received.length], [200, false, 1])
      const [frame, ...rest] = reply.body.toString().slice(text.length).split('\n\n')
      assert.equal(reply.body.toString().slice(0, text.length), text)
      assert.deepEqual(rest, [''])
      const { error } = JSON.parse(frame!.replace(/^data: /, ''))
      assert.deepEqual([error.type, error.code, error.param], ['server_error', code, null])
      assert.equal(gateway.faults.length, 1)
    })
  }

  it('the official client raises that frame', async () => {
    engine.answer = cutStream('data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n', 'data: {"choi')
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'client', maxRetries: 0 })
    const stream = await openai.chat.completions.create({ model: 'llama', messages: [], stream: true })
    const read = async () => {
      for await (const chunk of stream) assert.equal(chunk.choices[0]?.delta.content, 'hi')
    }
    await assert.rejects(read(), /broke off in the middle of its answer/)
  })

  it('a body that is cut off: the connection closes before its end', async () => {
    engine.answer = cutBody
    const reply = await exchange(gateway.url, { body })
    assert.deepEqual([reply.status, reply.cut, reply.body.toString()], [200, true, '{"id":'])
    assert.equal(gateway.faults.length, 1)
  })

  it('a chunked body that is cut off closes too', async () => {
    engine.answer = async (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      await new Promise((resolve) => response.write('{"id":', resolve))
      setTimeout(() => response.destroy(), 20)
    }
    assert.ok((await exchange(gateway.url, { body })).cut)
  })

  it('others go on while one call hangs', async () => {
    engine.answer = (request, response) => (request.url === '/v1/completions' ? saySilence : sayOk)(request, response)
    const hanging = exchange(gateway.url, { body, path: '/v1/completions' })
    await until(() => engine.received.length === 1)
    assert.equal((await exchange(gateway.url, { body })).status, 200)
    assert.equal((await hanging).status, 504)
  })

  it('a client that sends half a body and leaves reaches no upstream', async () => {
    const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false })
    outgoing.on('error', () => undefined)
    outgoing.setHeader('content-length', body.length)
    outgoing.write(body.slice(0, 10))
    await once(outgoing, 'socket')
    await new Promise((resolve) => setTimeout(resolve, 20))
    outgoing.destroy()
    assert.equal((await exchange(gateway.url, { path: '/healthz', method: 'GET' })).status, 200)
    assert.deepEqual([engine.received.length, gateway.faults], [0, []])
  })
})
