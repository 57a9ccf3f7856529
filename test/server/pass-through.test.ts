import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, type IncomingMessage, request as send } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import OpenAI from 'openai'
import {
  type Answer,
  eventStreamHead,
  type FakeUpstream,
  fakeUpstream,
  sayJson,
  saySilence,
} from '../upstream/fake-upstream.ts'
import { until } from '../upstream/settings.ts'
import { exchange, passingGateway, type Reply, type Sent, upstreamOf } from './passing-gateway.ts'

const streamText =
  'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n: ping\r\n\r\ndata: {"choices":[{"delta":{"content":"h\u00e9\ud83d\ude80"}}]}\n\nevent: x\ndata: 1\ndata: 2\n\ndata: [DONE]\n\n'

/** Cuts that fall into characters, line ends and events. */
function inPieces(size: number): Answer {
  return async (_request, response) => {
    response.writeHead(200, { ...eventStreamHead, 'cache-control': 'no-cache' })
    const bytes = Buffer.from(streamText)
    for (let at = 0; at < bytes.length; at += size) {
      await new Promise((resolve) => response.write(bytes.subarray(at, at + size), resolve))
      await turn()
    }
    response.end()
  }
}

function say(status: number, body: string | Uint8Array, headers: readonly string[] = []): Answer {
  return (_request, response) => void response.writeHead(status, headers as string[]).end(body)
}

const answers: Readonly<Record<string, Answer>> = {
  chat: say(200, '{"id":"1", "choices": [ ],"n":12345678901234567890,"x":1e400,"x":"\\ud800"}', [
    'Content-Type',
    'application/json',
    'X-Engine',
    'vLLM',
    'x-engine',
    'again',
  ]),
  bytes: inPieces(1),
  threes: inPieces(3),
  large: inPieces(1000),
  tools: sayJson(200, {
    choices: [{ message: { content: null, tool_calls: [{ id: 'a', function: { name: 'f', arguments: '{"x":1}' } }] } }],
  }),
  logprobs: sayJson(200, { choices: [{ logprobs: { content: [{ token: '\ufffd', bytes: [195], logprob: -0.1 }] } }] }),
  invalid: sayJson(400, { object: 'error', message: 'bad', code: 400 }),
  missing: sayJson(404, { error: { message: 'no such model' } }),
  unprocessable: say(422, '{"detail":[{"loc":["body"]}]}', ['content-type', 'application/json']),
  busy: sayJson(429, { error: 'busy' }, { 'retry-after': '7', 'x-ratelimit-remaining-requests': '0' }),
  broken: say(500, 'Internal Server Error', ['Content-Type', 'text/plain', 'X-Latin', 'caf\u00e9']),
  teapot: (_request, response) => void response.writeHead(418, 'Short And Stout', { 'x-a': 'b' }).end(),
  compressed: say(200, gzipSync('{"compressed":true}'), [
    'content-type',
    'application/json',
    'content-encoding',
    'gzip',
  ]),
  compressedStream: say(200, gzipSync(streamText), ['content-type', 'text/event-stream', 'content-encoding', 'gzip']),
  binary: say(200, Buffer.from([0, 255, 254, 10, 13, 10, 0]), ['content-type', 'audio/mpeg']),
  empty: say(204, ''),
  cookies: say(200, '{}', [
    'set-cookie',
    'a=1',
    'Set-Cookie',
    'b=2',
    'date',
    'Thu, 01 Jan 1970 00:00:00 GMT',
    'server',
    'uvicorn',
  ]),
  malformed: say(200, '{"choices": [', ['content-type', 'application/json']),
  longBody: say(200, `"${'\u00e9'.repeat(300_000)}"`, ['content-type', 'application/json']),
  options: say(200, '', ['allow', 'GET, POST', 'access-control-allow-origin', '*']),
  echo: (request, response) =>
    void response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(request.body),
}

const chat = (fields: object = {}) =>
  JSON.stringify({ model: 'llama', messages: [{ role: 'user', content: 'Hi' }], ...fields })

const requests: readonly (readonly [what: string, scenario: keyof typeof answers & string, sent: Sent])[] = [
  ['a chat completion', 'chat', { body: chat() }],
  [
    'its spacing, duplicate keys and numbers',
    'echo',
    { body: ' {\n"model" : "llama",\t"seed":12345678901234567890,"a":1e400,"a":-0.0, "model":"llama"}\r\n' },
  ],
  ['unknown fields', 'echo', { body: chat({ top_k: 5, vllm_xargs: { a: [1] }, chat_template_kwargs: {}, budget: 3 }) }],
  ['escapes and lone surrogates', 'echo', { body: '{"model":"llama","x":"\\u00e9\\ud800\\/","y":"\\u0061"}' }],
  ['unicode of all kinds', 'echo', { body: chat({ x: '\u0000\u2028\ud83d\ude80\ufeffe\u0301\u202e\uffff' }) }],
  [
    'bytes that are no UTF-8',
    'echo',
    { body: Buffer.concat([Buffer.from('{"model":"llama","x":"'), Buffer.from([255, 192, 128]), Buffer.from('"}')]) },
  ],
  ['malformed JSON', 'echo', { body: '{"model":"llama","messages":[' }],
  ['an alignment of null', 'echo', { body: chat({ alignment: null }) }],
  ['a long body', 'echo', { body: chat({ x: 'y"\\'.repeat(200_000) }) }],
  ['a model named last', 'echo', { body: '{"messages":[{"content":"{\\"model\\":\\"tiny\\"}"}],"model":"llama"}' }],
  ['a stream, byte by byte', 'bytes', { body: chat({ stream: true }) }],
  ['a stream in odd pieces', 'threes', { body: chat({ stream: true }) }],
  ['a stream at once', 'large', { body: chat({ stream: true }) }],
  [
    'tools',
    'tools',
    {
      body: chat({
        tools: [
          { type: 'function', function: { name: 'f', parameters: { properties: { model: { type: 'string' } } } } },
        ],
      }),
    },
  ],
  ['log-probabilities', 'logprobs', { body: chat({ logprobs: true, top_logprobs: 20 }) }],
  [
    'images',
    'echo',
    {
      body: chat({
        messages: [
          { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] },
        ],
      }),
    },
  ],
  [
    'a text completion',
    'chat',
    { path: '/v1/completions', body: '{"prompt":[1,2,3],"model":"llama","max_tokens":0,"echo":true}' },
  ],
  ['a completion stream', 'threes', { path: '/v1/completions', body: '{"model":"llama","prompt":"x","stream":true}' }],
  ['embeddings', 'chat', { path: '/v1/embeddings', body: '{"input":["a"],"model":"llama"}' }],
  ['responses', 'threes', { path: '/v1/responses', body: '{"model":"llama","input":"a","stream":true}' }],
  ['a query', 'chat', { path: '/v1/embeddings?a=1&a=%20b&c=%2F', body: '{"model":"llama"}' }],
  ['an error of the old shape', 'invalid', { body: chat() }],
  ['an unknown model of the upstream', 'missing', { body: chat() }],
  ['validation', 'unprocessable', { body: chat() }],
  ['too many requests, with Retry-After', 'busy', { body: chat() }],
  ['a failure, with headers beyond ASCII', 'broken', { body: chat() }],
  ['a status and a phrase of its own', 'teapot', { body: chat() }],
  [
    'a compressed reply',
    'compressed',
    { body: chat(), headers: { 'content-type': 'application/json', 'accept-encoding': 'gzip, br' } },
  ],
  ['a compressed stream', 'compressedStream', { body: chat({ stream: true }), headers: { 'accept-encoding': 'gzip' } }],
  [
    'a compressed body',
    'echo',
    { body: gzipSync(chat()), headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' } },
  ],
  ['a body compressed by brotli', 'echo', { body: brotliCompressSync(chat()), headers: { 'content-encoding': 'br' } }],
  ['a binary reply', 'binary', { path: '/v1/audio/speech', body: '{"model":"llama","input":"a"}' }],
  ['no content', 'empty', { body: chat() }],
  ['cookies, date and server', 'cookies', { body: chat() }],
  ['a reply that is no JSON', 'malformed', { body: chat() }],
  ['a long reply', 'longBody', { body: chat() }],
  ['a GET of an unknown route', 'chat', { method: 'GET', path: '/v1/responses/resp_1?include=a' }],
  ['a HEAD', 'chat', { method: 'HEAD', path: '/v1/files' }],
  ['a DELETE', 'chat', { method: 'DELETE', path: '/v1/responses/resp_1' }],
  ['OPTIONS', 'options', { method: 'OPTIONS', path: '/v1/chat/completions' }],
  ['another method of a known route', 'chat', { method: 'GET', path: '/v1/chat/completions?limit=1' }],
  [
    'a form',
    'echo',
    {
      path: '/v1/audio/transcriptions',
      headers: { 'content-type': 'multipart/form-data; boundary=b' },
      body: Buffer.concat([
        Buffer.from('--b\r\ncontent-disposition: form-data; name="file"\r\n\r\n'),
        Buffer.from([0, 255, 13, 10]),
        Buffer.from('\r\n--b--'),
      ]),
    },
  ],
  ['a body without a model', 'echo', { body: '{"messages":[]}' }],
  ['no body at all', 'invalid', { body: '' }],
  [
    'repeated and strange headers',
    'chat',
    {
      body: chat(),
      headers: [
        'Content-Type',
        'application/json',
        'X-Odd',
        'a',
        'x-odd',
        'b',
        'User-Agent',
        'me/1',
        'OpenAI-Organization',
        'o',
      ],
    },
  ],
]

/** Of one connection, ours, or counted by the fake's own clock. */
const differing = /^(connection|keep-alive|transfer-encoding|date|x-request-id|x-trimtab-.*)$/i

function pairs(rawHeaders: readonly string[], leaveOut: RegExp): string[] {
  return rawHeaders.flatMap((name, i) => (i % 2 === 0 && !leaveOut.test(name) ? [`${name}: ${rawHeaders[i + 1]}`] : []))
}

describe('a request without alignment to an upstream model', () => {
  let engine: FakeUpstream
  let gateway: Awaited<ReturnType<typeof passingGateway>>
  before(async () => {
    engine = await fakeUpstream(async (request, response) =>
      answers[String(request.headers['x-scenario'])]!(request, response),
    )
    gateway = await passingGateway({
      models: { llama: { upstream: 'gpu' } },
      upstreams: { gpu: upstreamOf(engine.url, { default: true }) },
    })
  })
  after(async () => {
    await gateway.close()
    await engine.close()
  })

  for (const [what, scenario, sent] of requests) {
    it(`is the same through the gateway: ${what}`, async () => {
      const tagged = { ...sent, headers: withScenario(sent.headers, scenario) }
      const direct = await exchange(engine.url, tagged)
      const passed = await exchange(gateway.url, tagged)
      assert.deepEqual(comparable(passed), comparable(direct))
      const [expected, got] = engine.received.slice(-2)
      assert.deepEqual([got!.method, got!.url, got!.body], [expected!.method, expected!.url, expected!.body])
      const ownRequestHeaders = /^(host|connection|authorization|x-request-id|content-length|transfer-encoding)$/i
      assert.deepEqual(pairs(got!.rawHeaders, ownRequestHeaders), pairs(expected!.rawHeaders, ownRequestHeaders))
      await until(() => gateway.inFlight() === 0 && engine.open === 0)
    })
  }

  it('no fault was reported meanwhile', () => assert.deepEqual(gateway.faults, []))

  function comparable(reply: Reply) {
    const { status, statusText, body, cut } = reply
    return { status, statusText, body: body.toString('latin1'), cut, headers: pairs(reply.rawHeaders, differing) }
  }

  function withScenario(headers: Sent['headers'], scenario: string): NonNullable<Sent['headers']> {
    if (Array.isArray(headers)) return [...headers, 'x-scenario', scenario, 'host', 'x']
    return { 'content-type': 'application/json', ...headers, 'x-scenario': scenario }
  }

  it('keeps the date of the upstream and adds none', async () => {
    const reply = await exchange(gateway.url, { body: chat(), headers: { 'x-scenario': 'cookies' } })
    assert.equal(reply.headers.date, 'Thu, 01 Jan 1970 00:00:00 GMT')
  })

  it('carries our own headers, and none of the client’s keys', async () => {
    const headers = {
      'x-scenario': 'chat',
      authorization: 'Bearer client-secret',
      'x-api-key': 'client-secret',
      'api-key': 'client-secret',
      cookie: 'session=client-secret',
      'proxy-authorization': 'client-secret',
      connection: 'x-hop',
      'x-hop': 'client-secret',
      'x-trimtab-anything': 'client-secret',
      'x-request-id': 'mine',
    }
    const reply = await exchange(gateway.url, { body: chat(), headers })
    const got = engine.received.at(-1)!
    assert.equal(got.headers.authorization, 'Bearer upstream-secret')
    assert.equal(got.headers['x-request-id'], 'mine')
    assert.equal(got.headers.host, new URL(engine.url).host)
    assert.ok(!JSON.stringify(got.rawHeaders).includes('client-secret'))
    assert.equal(reply.headers['x-request-id'], 'mine')
    assert.equal(reply.headers['x-trimtab-upstream'], 'gpu')
    assert.ok(!JSON.stringify(reply.rawHeaders).includes('upstream-secret'))
  })

  it('leaves the connection open for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const headers = { 'content-type': 'application/json', 'x-scenario': 'chat' }
    const reused: boolean[] = []
    for (let i = 0; i < 3; i++) {
      const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', headers, agent })
      const [reply] = (await once(outgoing.end(chat()), 'response')) as [IncomingMessage]
      await reply.toArray()
      // whatever the server does to a connection behind a reply, it has done by now
      await exchange(gateway.url, { body: chat(), headers })
      reused.push(outgoing.reusedSocket)
    }
    agent.destroy()
    assert.deepEqual(reused, [false, true, true])
  })

  it('an upstream’s own request id is kept beside ours', async () => {
    engine.answer = say(200, '{}', ['X-Request-Id', 'theirs'])
    const reply = await exchange(gateway.url, { body: chat(), headers: { 'x-request-id': 'mine' } })
    assert.deepEqual(
      [reply.headers['x-request-id'], reply.headers['x-trimtab-upstream-request-id']],
      ['mine', 'theirs'],
    )
  })

  it('streams: each event arrives while the upstream waits for it to', async () => {
    const arrived: (() => void)[] = []
    engine.answer = async (_request, response) => {
      response.writeHead(200, eventStreamHead)
      for (let i = 0; i < 3; i++) {
        const seen = new Promise<void>((resolve) => arrived.push(resolve))
        response.write(`data: ${i}\n\n`)
        await seen
      }
      response.end()
    }
    const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false })
    outgoing.end(chat({ stream: true }))
    const [incoming] = await once(outgoing, 'response')
    let text = ''
    for await (const piece of incoming) {
      text += piece
      arrived.at(-1)?.()
    }
    assert.equal(text, 'data: 0\n\ndata: 1\n\ndata: 2\n\n')
  })

  it('the head of a stream does not wait for its first event', async () => {
    let go = () => {}
    engine.answer = async (_request, response) => {
      response.writeHead(200, eventStreamHead).flushHeaders()
      await new Promise<void>((resolve) => {
        go = resolve
      })
      response.end('data: 1\n\n')
    }
    const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false })
    outgoing.end(chat({ stream: true }))
    const [incoming] = await once(outgoing, 'response')
    go()
    incoming.resume()
    await once(incoming, 'end')
  })

  const moments: readonly (readonly [when: string, answer: Answer])[] = [
    ['before the reply', saySilence],
    ['in a stream', (_request, response) => void response.writeHead(200, eventStreamHead).write('data: 1\n\n')],
    ['in a body', (_request, response) => void response.writeHead(200, { 'content-length': '100' }).write('x')],
    [
      'that is not read any more',
      async (request, response) => {
        response.writeHead(200, eventStreamHead)
        const piece = `data: ${'x'.repeat(2 ** 16)}\n\n`
        let over = false
        void request.closed.then(() => {
          over = true
        })
        while (!over) if (!response.write(piece)) await Promise.race([once(response, 'drain'), request.closed])
      },
    ],
  ]
  for (const [when, answer] of moments) {
    it(`a client that leaves ${when} ends the upstream call, and is no fault`, async () => {
      engine.answer = answer
      const count = engine.received.length
      const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false })
      outgoing.on('error', () => undefined)
      outgoing.on('response', (incoming) => incoming.pause().on('error', () => undefined))
      outgoing.end(chat({ stream: true }))
      await until(() => engine.received.length > count)
      outgoing.destroy()
      await engine.received.at(-1)!.closed
      await until(() => gateway.inFlight() === 0)
      assert.deepEqual(gateway.faults, [])
    })
  }

  it('the official client streams and raises its errors through it', async () => {
    const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'client', maxRetries: 0 })
    const create = () => openai.chat.completions.create({ model: 'llama', messages: [], stream: true })
    engine.answer = async (_request, response) => {
      response.writeHead(200, eventStreamHead)
      response.end('data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n')
    }
    let text = ''
    for await (const chunk of await create()) text += chunk.choices[0]?.delta.content
    assert.equal(text, 'hi')
    engine.answer = sayJson(429, { error: { message: 'busy' } }, { 'retry-after': '1' })
    await assert.rejects(create(), OpenAI.RateLimitError)
  })
})
