import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { describe, it, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from '../../src/server/engine.ts'
import { createHttpServer } from '../../src/server/http-server.ts'
import { watchSocketClose } from '../../src/server/socket-close.ts'
import { ToyEngine } from './toy-engine.ts'
import { type Json, toyGateway } from './toy-gateway.ts'

/** Says nothing until its client leaves. */
class PatientEngine extends ToyEngine implements Engine {
  waiting = 0

  override async *generate(_request: unknown, signal: AbortSignal): AsyncGenerator<never> {
    this.waiting += 1
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    yield* []
  }
}

async function withServer(
  use: (port: number, sockets: readonly Socket[], faults: unknown[]) => Promise<void>,
  engine: Engine,
  settings: Parameters<typeof toyGateway>[0] = {},
) {
  const limits = { bodyBytes: 10_000, maxChoices: 8, defaultMaxTokens: 64, keepAliveMs: 20, heldLogprobs: 1000 }
  const { app, faults } = toyGateway({ limits, engine, ...settings })
  const server = createHttpServer(app.fetch)
  const sockets: Socket[] = []
  server.on('connection', (socket) => sockets.push(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    await use((server.address() as AddressInfo).port, sockets, faults)
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

function post(fields: object): string {
  const body = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], ...fields })
  return `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10)
  assert.ok(condition())
}

const intervals = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length

describe('requests pipelined on one socket', () => {
  for (const stream of [true, false]) {
    it(`are all cancelled when it is gone, and leave no timer behind (stream: ${stream})`, async () => {
      const engine = new PatientEngine()
      const cancelled: boolean[] = []
      const generate = engine.generate.bind(engine)
      engine.generate = (request, signal) => {
        signal.addEventListener('abort', () => cancelled.push(true))
        return generate(request, signal)
      }
      await withServer(async (port, _sockets, faults) => {
        const before = intervals()
        const socket = connect(port, '127.0.0.1')
        socket.write(post({ stream }).repeat(3))
        await until(() => engine.waiting === 3)
        // Long enough for the streams to open with comments.
        await sleep(60)
        socket.destroy()
        await until(() => cancelled.length === 3)
        await until(() => intervals() <= before)
        assert.deepEqual(faults, [])
      }, engine)
    })
  }
})

describe('a streamed reply', () => {
  it('has the headers of every middleware, and its connection goes on', async () => {
    const origin = 'https://app.example.com'
    await withServer(
      async (port, sockets) => {
        const socket = connect(port, '127.0.0.1')
        let replies = ''
        socket.on('data', (data) => {
          replies += data
        })
        for (let asked = 1; asked <= 2; asked++) {
          socket.write(post({ stream: true }).replace('Host: x', `Host: x\r\nOrigin: ${origin}`))
          await until(() => replies.split('data: [DONE]\n\n\r\n0\r\n\r\n').length === asked + 1)
        }
        const [head = ''] = replies.split('\r\n\r\n')
        assert.match(head, /^HTTP\/1\.1 200 OK\r\naccess-control-allow-origin: https:\/\/app\.example\.com\r\n/)
        for (const line of [
          'content-type: text/event-stream; charset=utf-8',
          'cache-control: no-cache',
          'vary: Origin',
        ])
          assert.ok(head.includes(`\r\n${line}\r\n`), head)
        assert.match(head, /\r\nx-request-id: req_\w+\r\n/)
        assert.equal(sockets[0]?.destroyed, false)
        socket.destroy()
      },
      new ToyEngine(),
      { corsOrigins: [origin] },
    )
  })
})

describe('a server that goes down', () => {
  /** It is told to go down while it works on a request. */
  class LastEngine extends ToyEngine {
    isDraining = false

    override async *generate(...asked: Parameters<ToyEngine['generate']>) {
      this.isDraining = true
      yield* super.generate(...asked)
    }
  }

  for (const [stream, corsOrigins] of [
    [true, []],
    [true, ['https://app.example.com']],
    [false, []],
  ] as const)
    it(`keeps no connection behind the replies that it still gives (stream: ${stream}, origins: ${corsOrigins.length})`, async (t) => {
      const engine = new LastEngine()
      const settings = { isDraining: () => engine.isDraining, corsOrigins }
      const complaints = t.mock.method(console, 'error', () => {})
      await withServer(
        async (port) => {
          const ask = (path: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${path}`, init)
          const before = await ask('/readyz')
          assert.deepEqual([before.status, before.headers.get('connection')], [200, 'keep-alive'])
          await before.text()
          const body = JSON.stringify({ model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], stream })
          const last = await ask('/v1/chat/completions', { method: 'POST', body })
          assert.deepEqual([last.status, last.headers.get('connection')], [200, 'close'])
          assert.match(await last.text(), stream ? /\[DONE\]/ : /Hello there/)
          for (const path of ['/v1/models', '/readyz']) {
            const refused = await ask(path)
            assert.deepEqual([refused.status, refused.headers.get('connection')], [503, 'close'])
            await refused.text()
          }
        },
        engine,
        settings,
      )
      assert.equal(complaints.mock.callCount(), 0)
    })
})

describe('watchSocketClose', () => {
  it('puts one listener on a socket for all its requests, and forgets those that ended', async () => {
    await withServer(async (port, sockets) => {
      const client = connect(port, '127.0.0.1')
      await until(() => sockets.length === 1)
      const socket = sockets[0]!
      const before = socket.listenerCount('close')
      const told: number[] = []
      const releases = Array.from({ length: 20 }, (_, i) => watchSocketClose(socket, () => told.push(i)))
      assert.equal(socket.listenerCount('close'), before + 1)
      for (const release of releases.slice(1)) release()
      client.destroy()
      await until(() => told.length > 0)
      assert.deepEqual(told, [0])
      watchSocketClose(socket, () => told.push(99))
      assert.deepEqual(told, [0, 99])
    }, new ToyEngine())
  })
})

describe('what is no proper HTTP', () => {
  async function send(text: string): Promise<{ status: number; body: Json }> {
    let reply = ''
    await withServer(async (port) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('data', (data) => {
        reply += data
      })
      socket.write(text)
      await until(() => /\}\}$/.test(reply))
      socket.destroy()
    }, new ToyEngine())
    const [head = '', body = ''] = reply.split('\r\n\r\n')
    return { status: Number(head.split(' ')[1]), body: JSON.parse(body) }
  }

  const cases: readonly (readonly [what: string, text: string, status: number, code: string])[] = [
    ['a malformed request line', 'NONSENSE\r\n\r\n', 400, 'bad_http'],
    [
      'headers beyond the limit',
      `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: a b/c\r\n\r\n', 400, 'bad_http'],
    ['no host', 'GET /healthz HTTP/1.1\r\n\r\n', 400, 'bad_http'],
  ]
  for (const [what, text, status, code] of cases) {
    it(`${what} -> ${status}, an OpenAI error`, async () => {
      const reply = await send(text)
      assert.equal(reply.status, status)
      assert.equal(reply.body.error.type, 'invalid_request_error')
      assert.equal(reply.body.error.code, code)
      assert.ok(reply.body.error.message)
    })
  }
})

test('an idle connection is kept for longer than load balancers keep theirs', () =>
  withServer(async (port) => {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`)
    const [, seconds] = /timeout=(\d+)/.exec(response.headers.get('keep-alive') ?? '') ?? []
    assert.ok(Number(seconds) > 60, `${seconds} s`)
  }, new PatientEngine()))

test('a client that takes nothing of what waits for it is cut off, one that waits for us is not', async () => {
  const quiet = 'quiet'
  const server = createHttpServer(async (request) => {
    if (new URL(request.url).pathname === '/quiet') {
      await sleep(200)
      return new Response(quiet)
    }
    return new Response('x'.repeat(50_000_000))
  }, 20)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stalled = connect(port, '127.0.0.1')
  stalled.on('error', () => stalled.destroy())
  stalled.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
  const [served] = (await once(server, 'connection')) as [Socket]
  stalled.pause()
  await once(served, 'close')
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/quiet`)).text(), quiet)
  stalled.destroy()
  server.closeAllConnections()
  server.close()
})
