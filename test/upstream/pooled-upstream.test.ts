import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { EventSourceMessage } from 'eventsource-parser'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import type { UpstreamClient } from '../../src/decoding/upstream/http/upstream-client.ts'
import { UpstreamError } from '../../src/decoding/upstream/http/upstream-error.ts'
import type { UpstreamSettings } from '../../src/decoding/upstream/http/upstream-settings.ts'
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
  saySilence,
} from './fake-upstream.ts'
import { testSettings, until } from './settings.ts'

const closers: (() => Promise<void>)[] = []
after(async () => {
  for (const close of closers) await close()
})

async function fake(answer?: Answer): Promise<FakeUpstream> {
  const upstream = await fakeUpstream(answer)
  closers.push(() => upstream.close())
  return upstream
}

function client(roots: readonly string[], change: Partial<UpstreamSettings> = {}, now?: () => number): UpstreamClient {
  const opened = openUpstream(testSettings(roots, change), now)
  closers.unshift(() => opened.close())
  return opened
}

const { signal } = new AbortController()
const get = { method: 'GET', path: '/v1/models' }

async function failureOf(promise: Promise<unknown>): Promise<UpstreamError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UpstreamError, String(error))
  return error
}

const settled = (upstream: UpstreamClient) => until(() => upstream.inFlight === 0)

describe('a call to an upstream', () => {
  it('goes below the root, with its own key in place of any other', async () => {
    const engine = await fake()
    const upstream = client([`${engine.url}/openai`], { apiKey: 'secret' })
    const reply = await upstream.request({ ...get, headers: ['X-A', '1', 'x-a', '2'] }, { signal })
    assert.equal(reply.status, 200)
    assert.deepEqual(JSON.parse(Buffer.from(await reply.bytes()).toString()), { ok: true })
    const [request] = engine.received
    assert.equal(request?.url, '/openai/v1/models')
    assert.equal(request?.headers.authorization, 'Bearer secret')
    assert.equal(request?.headers['x-a'], '1, 2')
    await settled(upstream)
  })

  it('json: sends and reads JSON, and tells statuses, what is no JSON and what is cut off apart', async () => {
    const engine = await fake()
    const upstream = client([engine.url])
    assert.deepEqual(await upstream.json('/v1/completions', { prompt: 'é' }, { signal }), { ok: true })
    assert.deepEqual(JSON.parse(engine.received[0]!.body.toString()), { prompt: 'é' })
    engine.answer = sayJson(429, { error: 'busy' }, { 'retry-after': '7' })
    const busy = await failureOf(upstream.json('/v1/completions', {}, { signal }))
    assert.deepEqual([busy.kind, busy.status, busy.retryAfter, busy.body], ['status', 429, 7, '{"error":"busy"}'])
    engine.answer = (_request, response) => void response.end('{"a":')
    assert.equal((await failureOf(upstream.json('/x', {}, { signal }))).kind, 'protocol')
    engine.answer = cutBody
    const cut = await failureOf(upstream.json('/x', {}, { signal }))
    assert.deepEqual([cut.kind, cut.message], ['protocol', "The upstream 'gpu' broke off in the middle of its answer."])
    await settled(upstream)
  })

  it('events: whatever the boundaries of the pieces; a cut and a reply that is no stream are errors', async () => {
    const pieces = [
      'da',
      'ta: {"a',
      '":"é',
      '"}\r',
      '\n\r\n: ping\n\nevent: x\ndata: 1\n',
      'data: 2\n\n',
      'data: [DONE]\n\n',
    ]
    const engine = await fake(async (_request, response) => {
      response.writeHead(200, eventStreamHead)
      for (const piece of pieces) await new Promise((resolve) => response.write(piece, resolve))
      response.end()
    })
    const upstream = client([engine.url])
    const events: EventSourceMessage[] = []
    for await (const event of upstream.events('/x', {}, { signal })) events.push(event)
    assert.deepEqual(
      events.map(({ event, data }) => [event, data]),
      [
        [undefined, '{"a":"é"}'],
        ['x', '1\n2'],
        [undefined, '[DONE]'],
      ],
    )
    engine.answer = cutStream('data: 1\n\n')
    const seen: string[] = []
    const reading = (async () => {
      for await (const { data } of upstream.events('/x', {}, { signal })) seen.push(data)
    })()
    assert.equal((await failureOf(reading)).kind, 'protocol')
    assert.deepEqual(seen, ['1'])
    engine.answer = sayJson(200, {})
    assert.equal((await failureOf(upstream.events('/x', {}, { signal }).next())).kind, 'protocol')
    await settled(upstream)
  })

  it('leaving the loop, or cancelling, closes the connection', async () => {
    const engine = await fake((_request, response) => {
      response.writeHead(200, eventStreamHead).write('data: 1\n\n')
    })
    const upstream = client([engine.url])
    for await (const _ of upstream.events('/x', {}, { signal })) break
    await engine.received[0]!.closed
    const reply = await upstream.request(get, { signal })
    reply.cancel()
    await engine.received[1]!.closed
    await settled(upstream)
    assert.equal(upstream.replicas[0]?.status, 'unknown')
  })
})

describe('aborting', () => {
  const moments: readonly (readonly [when: string, answer: Answer])[] = [
    ['before the reply', saySilence],
    ['in the middle of it', (_request, response) => void response.writeHead(200, eventStreamHead).write('data: 1\n\n')],
  ]
  for (const [when, answer] of moments) {
    it(`${when} rejects with the signal's reason, closes the connection and blames nobody`, async () => {
      const engine = await fake(answer)
      const upstream = client([engine.url], { breaker: { failures: 1, openMs: 10_000 } })
      const leaving = new AbortController()
      const reason = new Error('gone')
      const call = upstream.request(get, { signal: leaving.signal }).then((reply) => reply.bytes())
      await until(() => engine.received.length === 1)
      leaving.abort(reason)
      await assert.rejects(call, (error) => error === reason)
      await engine.received[0]!.closed
      await settled(upstream)
      assert.equal(upstream.replicas[0]?.status, 'unknown')
    })
  }

  it('reaches the engine before 100 ms are over', async () => {
    const engine = await fake(saySilence)
    const upstream = client([engine.url])
    const order: string[] = []
    // A stalled machine may delay any one of them: it has to hold for one of several.
    for (let i = 0; i < 5 && !order.includes('closed first'); i++) {
      const leaving = new AbortController()
      const call = assert.rejects(upstream.request(get, { signal: leaving.signal }), /gone/)
      await until(() => engine.received.length === i + 1)
      leaving.abort(new Error('gone'))
      const timer = new Promise((resolve) => setTimeout(resolve, 100, 'timer first'))
      const closed = engine.received[i]!.closed.then(() => 'closed first')
      order.push(String(await Promise.race([closed, timer])))
      await call
    }
    assert.ok(order.includes('closed first'), order.join())
  })

  it('an already aborted signal asks nobody', async () => {
    const engine = await fake()
    await assert.rejects(client([engine.url]).request(get, { signal: AbortSignal.abort(new Error('gone')) }), /gone/)
    assert.equal(engine.received.length, 0)
  })

  it('closing the client ends what is under way', async () => {
    const engine = await fake(saySilence)
    const upstream = openUpstream(
      testSettings([engine.url], { retries: { attempts: 0, ratio: 0, reserve: 0, backOffMs: 1 } }),
    )
    const call = failureOf(upstream.request(get, { signal }))
    await until(() => engine.received.length === 1)
    await upstream.close()
    await call
    await engine.received[0]!.closed
    assert.equal(upstream.inFlight, 0)
  })
})

describe('deadlines', () => {
  it('of the first byte: asked again elsewhere, never at the same replica, which may still be at work', async () => {
    const slow = await fake(saySilence)
    const alone = client([slow.url])
    const deadlines = { firstByteMs: 50 }
    assert.equal((await failureOf(alone.request(get, { signal, deadlines }))).kind, 'timeout')
    assert.equal(slow.received.length, 1)
    await slow.received[0]!.closed
    const quick = await fake()
    const both = client([slow.url, quick.url])
    for (let i = 0; i < 4; i++) await (await both.request(get, { signal, deadlines })).bytes()
    assert.equal(quick.received.length, 4)
    await settled(both)
  })

  it('between two pieces', async () => {
    const engine = await fake(
      (_request, response) => void response.writeHead(200, eventStreamHead).write('data: 1\n\n'),
    )
    const upstream = client([engine.url])
    const reply = await upstream.request(get, { signal, deadlines: { idleMs: 50 } })
    const silence = await failureOf(reply.bytes())
    assert.deepEqual([silence.kind, /fell silent/.test(silence.message)], ['timeout', true])
    await engine.received[0]!.closed
    await settled(upstream)
  })

  it('over everything, though the reply keeps coming', async () => {
    const engine = await fake((request, response) => {
      response.writeHead(200, eventStreamHead)
      const timer = setInterval(() => response.write(': ping\n\n'), 5)
      void request.closed.then(() => clearInterval(timer))
    })
    const upstream = client([engine.url])
    const call = upstream.request(get, { signal, deadlines: { totalMs: 100 } }).then((reply) => reply.bytes())
    assert.equal((await failureOf(call)).kind, 'timeout')
    await engine.received[0]!.closed
    await settled(upstream)
  })
})

describe('retries', () => {
  it('an engine that is down is asked again and then unreachable', async () => {
    const upstream = client([`http://127.0.0.1:${await deadPort()}`])
    const down = await failureOf(upstream.request(get, { signal }))
    assert.deepEqual([down.kind, down.message], ['unreachable', "The upstream 'gpu' cannot be reached."])
  })

  it('one that comes up meanwhile is reached', async () => {
    const port = await deadPort()
    const upstream = client([`http://127.0.0.1:${port}`], {
      retries: { attempts: 10, ratio: 1, reserve: 10, backOffMs: 20 },
    })
    const call = upstream.request(get, { signal })
    const engine = await fakeUpstream(undefined, port)
    closers.push(() => engine.close())
    const reply = await call
    assert.equal(reply.status, 200)
    await reply.bytes()
  })

  for (const status of [502, 503, 504]) {
    it(`${status} is asked again elsewhere`, async () => {
      const loading = await fake(sayJson(status, { error: 'loading' }))
      const ready = await fake()
      const upstream = client([loading.url, ready.url])
      for (let i = 0; i < 8; i++) {
        const reply = await upstream.request(get, { signal })
        assert.equal(reply.status, 200)
        await reply.bytes()
      }
      await settled(upstream)
    })
  }

  it('a reply that stays 503 is given as it is, after all attempts', async () => {
    const engine = await fake(sayJson(503, { error: 'loading' }, { 'retry-after': '3' }))
    const upstream = client([engine.url])
    const reply = await upstream.request(get, { signal })
    assert.deepEqual([reply.status, reply.header('retry-after'), engine.received.length], [503, '3', 3])
    assert.equal(Buffer.from(await reply.bytes()).toString(), '{"error":"loading"}')
    await settled(upstream)
  })

  for (const status of [400, 429, 500]) {
    it(`${status} is the engine's answer and not asked again`, async () => {
      const engine = await fake(sayJson(status, {}))
      const reply = await client([engine.url]).request(get, { signal })
      await reply.bytes()
      assert.deepEqual([reply.status, engine.received.length], [status, 1])
    })
  }

  it('a connection closed without a word is asked again, with the same body', async () => {
    const engine = await fake(hangUp)
    const upstream = client([engine.url])
    const body = Buffer.from('{"a":1}')
    const call = upstream.request({ method: 'POST', path: '/x', body }, { signal })
    await until(() => engine.received.length > 0)
    engine.answer = sayJson(200, {})
    const reply = await call
    assert.equal(reply.status, 200)
    await reply.bytes()
    assert.ok(engine.received.every((request) => request.body.equals(body)))
  })

  it('what is not HTTP is a protocol error', async () => {
    const engine = await fake((_request, response) => void response.socket?.end('NONSENSE\r\n\r\n'))
    assert.equal((await failureOf(client([engine.url]).request(get, { signal }))).kind, 'protocol')
  })

  it('end with the budget', async () => {
    const engine = await fake(sayJson(503, {}))
    const upstream = client([engine.url], { retries: { attempts: 5, ratio: 0, reserve: 3, backOffMs: 1 } })
    for (let i = 0; i < 4; i++) await (await upstream.request(get, { signal })).bytes()
    assert.equal(engine.received.length, 4 + 3)
  })

  it('a reply that has begun is never asked for again', async () => {
    const engine = await fake(cutStream('data: 1\n\n'))
    const other = await fake(cutStream('data: 1\n\n'))
    const upstream = client([engine.url, other.url])
    const reply = await upstream.request(get, { signal })
    await failureOf(reply.bytes())
    assert.equal(engine.received.length + other.received.length, 1)
  })
})

describe('a pool', () => {
  const three = async (answer?: Answer) => [await fake(answer), await fake(answer), await fake(answer)] as const

  it('gives a call to the replica with the least to do', async () => {
    const engines = await three(saySilence)
    const leaving = new AbortController()
    const upstream = client(engines.map(({ url }) => url))
    const calls = Array.from({ length: 9 }, () => upstream.request(get, { signal: leaving.signal }))
    await until(() => engines.every(({ received }) => received.length === 3))
    assert.deepEqual(
      upstream.replicas.map(({ load }) => load),
      [3, 3, 3],
    )
    leaving.abort(new Error('enough'))
    await Promise.allSettled(calls)
    assert.equal(upstream.inFlight, 0)
  })

  it('all calls with one affinity go to one replica, until that fails', async () => {
    const engines = await three()
    const upstream = client(engines.map(({ url }) => url))
    const affinity = {}
    const call = async () => (await upstream.request(get, { signal, affinity })).bytes()
    for (let i = 0; i < 10; i++) await call()
    const chosen = engines.find(({ received }) => received.length > 0)!
    assert.equal(chosen.received.length, 10)
    chosen.answer = hangUp
    for (let i = 0; i < 3; i++) await call()
    const others = engines.filter((engine) => engine !== chosen)
    assert.equal(others.flatMap(({ received }) => received).length, 3)
    assert.ok(others.some(({ received }) => received.length === 3))
  })

  it('equal prefixes prefer one replica, and spread when it has more than its share to do', async () => {
    const engines = await three()
    const upstream = client(engines.map(({ url }) => url))
    for (let i = 0; i < 6; i++) await (await upstream.request(get, { signal, affinity: { prefix: 'same' } })).bytes()
    assert.deepEqual(engines.map(({ received }) => received.length).sort(), [0, 0, 6])
    for (let i = 0; i < 60; i++) await (await upstream.request(get, { signal, affinity: { prefix: `${i}` } })).bytes()
    assert.ok(engines.every(({ received }) => received.length > 6))
    for (const engine of engines) engine.answer = saySilence
    const before = engines.map(({ received }) => received.length)
    const leaving = new AbortController()
    const calls = Array.from({ length: 9 }, () =>
      upstream.request(get, { signal: leaving.signal, affinity: { prefix: 'same' } }),
    )
    await until(() => engines.flatMap(({ received }) => received).length === 66 + 9)
    const added = engines.map(({ received }, i) => received.length - before[i]!)
    assert.ok(Math.max(...added) <= 4, added.join())
    leaving.abort(new Error('enough'))
    await Promise.allSettled(calls)
  })

  it('a breaker keeps calls away from what keeps failing, and says for how long', async () => {
    const clock = { now: 0 }
    const engine = await fake(hangUp)
    const breaker = { failures: 2, openMs: 5000 }
    const retries = { attempts: 0, ratio: 0, reserve: 0, backOffMs: 1 }
    const upstream = client([engine.url], { breaker, retries }, () => clock.now)
    for (let i = 0; i < 2; i++) await failureOf(upstream.request(get, { signal }))
    const asked = engine.received.length
    const refused = await failureOf(upstream.request(get, { signal }))
    assert.deepEqual([refused.kind, refused.retryAfter, engine.received.length], ['unavailable', 5, asked])
    assert.equal(upstream.replicas[0]?.status, 'open')
    clock.now = 5000
    engine.answer = sayJson(200, {})
    const reply = await upstream.request(get, { signal })
    assert.equal(reply.status, 200)
    await reply.bytes()
    assert.equal(upstream.replicas[0]?.status, 'unknown')
  })

  it('the call that opens the last breaker is told its own failure', async () => {
    const breaker = { failures: 1, openMs: 5000 }
    const dead = client([`http://127.0.0.1:${await deadPort()}`], { breaker })
    assert.equal((await failureOf(dead.request(get, { signal }))).kind, 'unreachable')
    const loading = await fake(sayJson(503, { error: 'loading' }))
    const reply = await client([loading.url], { breaker }).request(get, { signal })
    assert.deepEqual([reply.status, Buffer.from(await reply.bytes()).toString()], [503, '{"error":"loading"}'])
  })

  it('probes take a replica out and bring it back, with its breaker closed', async () => {
    const [first, second] = [await fake(), await fake()]
    let healthy = true
    first.answer = (request, response) => {
      response.writeHead(request.url === '/alive' && !healthy ? 503 : 200).end('{}')
    }
    const health = { path: '/alive', everyMs: 5, timeoutMs: 5000, failures: 2 }
    const upstream = client([first.url, second.url], { health })
    const statuses = () => upstream.replicas.map(({ status }) => status).join()
    await until(() => statuses() === 'up,up')
    healthy = false
    await until(() => statuses() === 'down,up')
    assert.equal(upstream.replicas[0]?.reason, '/alive answers 503')
    const calls = () => first.received.filter(({ url }) => url !== '/alive').length
    for (let i = 0; i < 5; i++) await (await upstream.request(get, { signal })).bytes()
    assert.equal(calls(), 0)
    healthy = true
    await until(() => statuses() === 'up,up')
  })

  it('a call that finds a replica gone has it probed at once, and again soon: nobody waits for its turn', async () => {
    const [first, second] = [await fake(), await fake()]
    const health = { path: '/alive', everyMs: 3_600_000, timeoutMs: 5000, failures: 2 }
    const upstream = client([first.url, second.url], { health })
    const statuses = () => upstream.replicas.map(({ status }) => status).join()
    await until(() => statuses() === 'up,up')
    await first.close()
    while (upstream.replicas[0]?.reason === undefined) await (await upstream.request(get, { signal })).bytes()
    // of the breaker's five failures there has been one, and the next turn is in an hour
    await until(() => statuses() === 'down,up')
  })

  it('where probes say that all are down, calls are made anyway', async () => {
    const engine = await fake((request, response) => {
      response.writeHead(request.url === '/alive' ? 500 : 200).end('{}')
    })
    const upstream = client([engine.url], { health: { path: '/alive', everyMs: 0, timeoutMs: 5000, failures: 1 } })
    const [state] = await upstream.probe(signal)
    assert.equal(state?.status, 'down')
    const reply = await upstream.request(get, { signal })
    assert.equal(reply.status, 200)
    await reply.bytes()
  })
})
