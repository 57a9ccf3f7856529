import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { jsonOf, toyGateway } from './toy-gateway.ts'

const message = { role: 'user', content: 'Hi' }

/** Fields laid over a good request -> [status, param, part of the message]. */
const chatCases: readonly (readonly [fields: object, status: number, param: string | null, text: RegExp])[] = [
  [{ model: 'gpt' }, 404, 'model', /Known models: tiny, tiny-friendly/],
  [{ model: 5 }, 400, 'model', /expected string/],
  [{ messages: [] }, 400, 'messages', /at least one/],
  [{ messages: [{ role: 'robot', content: '' }] }, 400, 'messages[0].role', /system/],
  [{ messages: [{ role: 'user', content: '\ud800' }] }, 400, 'messages[0].content', /surrogate/],
  [{ messages: [message, { role: 'user', content: null }] }, 400, 'messages[1].content', /is required/],
  [
    {
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'x' },
            { type: 'image_url', image_url: {} },
          ],
        },
      ],
    },
    400,
    'messages[0].content[1].type',
    /only text parts/,
  ],
  [
    { messages: [{ role: 'assistant', content: '', tool_calls: [{}] }] },
    400,
    'messages[0].tool_calls[0].id',
    /is required/,
  ],
  [{ temperature: 2.5 }, 400, 'temperature', /<=2/],
  [{ temperature: 1e-7 }, 400, 'temperature', /0 or at least 0\.000001/],
  [{ temperature: 5e-324 }, 400, 'temperature', /0 or at least/],
  [{ temperature: 'hot' }, 400, 'temperature', /expected number/],
  [{ n: 0 }, 400, 'n', />=1/],
  [{ n: 9 }, 400, 'n', /at most 8/],
  [{ n: 129 }, 400, 'n', /<=128/],
  [{ stop: Array.from({ length: 2000 }, () => 'a') }, 400, 'stop', /<=16/],
  [{ stop: ['a', ''] }, 400, 'stop[1]', />=1/],
  [{ stop: 'a'.repeat(257) }, 400, 'stop', /<=256/],
  [{ logit_bias: { cat: 1 } }, 400, 'logit_bias.cat', /token ids/],
  [{ logit_bias: { 1: 101 } }, 400, 'logit_bias.1', /<=100/],
  [{ top_logprobs: 3 }, 400, 'top_logprobs', /needs logprobs/],
  [{ logprobs: true, top_logprobs: 21 }, 400, 'top_logprobs', /<=20/],
  [{ max_tokens: 3, max_completion_tokens: 4 }, 400, 'max_tokens', /differs/],
  [{ max_tokens: 0 }, 400, 'max_tokens', />=1/],
  [{ stream_options: { include_usage: true } }, 400, 'stream_options', /needs stream/],
  [{ stream: true, stream_options: { include_obfuscation: true } }, 400, 'stream_options.include_obfuscation', /false/],
  [{ seed: 1.5 }, 400, 'seed', /int/],
  [{ seed: 2 ** 60 }, 400, 'seed', /<=9007199254740991/],
  [{ tools: [{ type: 'function' }] }, 400, 'tools[0].function', /is required/],
  [{ tools: [{ type: 'web_search' }] }, 400, 'tools[0].type', /only functions are supported/],
  [{ tool_choice: 'auto' }, 400, 'tool_choice', /needs tools/],
  [{ functions: [{ name: 'f' }] }, 400, 'functions', /tools/],
  [{ response_format: { type: 'yaml' } }, 400, 'response_format.type', /invalid/],
  [{ response_format: { type: 'json_schema' } }, 400, 'response_format.json_schema', /is required/],
  [
    { response_format: { type: 'json_schema', json_schema: { name: 'a' } } },
    400,
    'response_format.json_schema.schema',
    /is required/,
  ],
  [{ audio: {} }, 400, 'audio', /not supported/],
  [{ store: true }, 400, 'store', /not stored/],
  [{ modalities: ['text', 'audio'] }, 400, 'modalities', /text/],
  [{ budget: 4 }, 400, 'budget', /not available yet/],
  [{ nonsense: 1 }, 400, 'nonsense', /not a known field/],
  [{ alignment: { guides: [{ guide: 'x', weight: 'a' }] } }, 400, 'alignment.guides[0].weight', /number/],
  [{ alignment: { guides: [{ guide: 'x', size: 1 }] } }, 400, 'alignment.guides[0].size', /known field/],
  [{ alignment: { guides: [{}] } }, 400, 'alignment.guides[0]', /exactly one/],
  [{ alignment: { policy: 'grumpy' } }, 400, 'alignment.policy', /Known policies: friendly/],
  [{ alignment: { best_of: { n: 0, reward: 'r' } } }, 400, 'alignment.best_of.n', />=1/],
  [{ alignment: { particles: { n: 2, potential: 'least' } } }, 400, 'alignment.particles.potential', /./],
]

describe('bad fields', () => {
  for (const [fields, status, param, text] of chatCases) {
    it(`${JSON.stringify(fields).slice(0, 70)} -> ${status} ${param}`, async () => {
      const { chat, engine } = toyGateway()
      const response = await chat(fields)
      const { error } = await jsonOf(response)
      assert.equal(response.status, status, error.message)
      assert.equal(error.param, param, error.message)
      assert.match(error.message, text)
      assert.equal(error.type, 'invalid_request_error')
      assert.equal(engine.requests.length, 0)
    })
  }

  it('a field that this version cannot honour has a code of its own', async () => {
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }]
    for (const fields of [{ messages: image }, { functions: [{}] }, { budget: 4 }]) {
      const { error } = await jsonOf(await toyGateway().chat(fields))
      assert.equal(error.code, 'unsupported_parameter', error.message)
    }
    for (const fields of [{ alignment: { guides: [{}] } }, { nonsense: 1 }, { n: 0 }]) {
      const { error } = await jsonOf(await toyGateway().chat(fields))
      assert.equal(error.code, null, error.message)
    }
  })

  it('messages are sentences', async () => {
    const told = async (body: object) =>
      (await jsonOf(await toyGateway().post('/v1/chat/completions', body))).error.message
    const messages = [message]
    assert.equal(await told({ model: 'tiny' }), "'messages' is required.")
    assert.equal(await told({ messages }), "'model' is required.")
    assert.equal(await told({ model: 'tiny', messages: [{ content: 'Hi' }] }), "'messages[0].role' is required.")
    assert.equal(await told({ model: 'tiny', messages: [{ role: 'user' }] }), "'messages[0].content' is required.")
    assert.match(
      await told({ model: 'tiny', messages, foo: 1 }),
      /^'foo' is not a known field; known fields: model, .*\.$/,
    )
    const alignment = { guides: [{ guide: 'positive', weigth: 1 }] }
    assert.equal(
      await told({ model: 'tiny', messages, alignment }),
      "'alignment.guides[0].weigth' is not a known field (did you mean 'weight'?); known fields: guide, principle, contrast, weight, form.",
    )
    assert.match(
      await told({ model: 'tiny', messages: [{ ...message, txt: 'x' }] }),
      /'messages\[0\]\.txt' .* fields: role, content/,
    )
    assert.equal(await told({ model: 'tiny', messages, top_logprobs: 1 }), "'top_logprobs' needs logprobs: true.")
    assert.equal(await told({ model: 'tiny', messages, n: 0 }), "'n': too small: expected number to be >=1.")
  })

  it('say what zod says in its own terms in those of JSON', async () => {
    const told = async (alignment: object) => (await jsonOf(await toyGateway().chat({ alignment }))).error.message
    assert.equal(
      await told({ preferences: ['positive'] }),
      "'alignment.preferences': invalid input: expected object, received array.",
    )
    assert.equal(
      await told({ search: { method: 'mcts', reward: 'r' } }),
      `'alignment.search.method': invalid option: expected one of "beam"|"tree".`,
    )
    assert.equal(
      await told({ search: { reward: 'r' } }),
      `'alignment.search.method' is required: one of "beam"|"tree".`,
    )
  })

  it('say where a misplaced field belongs', async () => {
    for (const route of ['/v1/chat/completions', '/v1/completions'])
      for (const field of ['guides', 'particles', 'policy']) {
        const { error } = await jsonOf(await toyGateway().post(route, { model: 'tiny', [field]: [] }))
        assert.equal(error.message, `'${field}' belongs in 'alignment'.`)
        assert.equal(error.param, field)
      }
    const { error } = await jsonOf(await toyGateway().chat({ extra_body: { alignment: {} } }))
    assert.match(error.message, /^'extra_body' belongs to the Python client/)
  })

  it('guess the route that was meant', async () => {
    const told = async (path: string) => (await jsonOf(await toyGateway().post(path, {}))).error.message
    for (const path of ['/chat/completions', '/v1/v1/chat/completions', '/v1/chat/completions/'])
      assert.equal(await told(path), `There is no route POST ${path}. Did you mean /v1/chat/completions?`)
    for (const path of ['/', '/v1', '/v1/embeddings'])
      assert.equal(await told(path), `There is no route POST ${path}. GET /openapi.json lists the routes.`)
  })

  it('1e999, which JSON parses to Infinity, is refused', async () => {
    const { post } = toyGateway()
    const text = (fields: string) => `{"model":"tiny","messages":[{"role":"user","content":"Hi"}],${fields}}`
    for (const [fields, param] of [
      ['"temperature":1e999', 'temperature'],
      ['"alignment":{"guides":[{"guide":"positive","weight":1e999}]}', 'alignment.guides[0].weight'],
      ['"logit_bias":{"1":-1e999}', 'logit_bias.1'],
    ] as const) {
      const response = await post('/v1/chat/completions', text(fields))
      assert.equal(response.status, 400)
      assert.equal((await jsonOf(response)).error.param, param)
    }
  })
})

describe('bad bodies', () => {
  const send = async (body: string | Uint8Array) => {
    const response = await toyGateway().post('/v1/chat/completions', body)
    return { status: response.status, error: (await jsonOf(response)).error }
  }

  it('malformed JSON', async () => {
    const { status, error } = await send('{"model": ')
    assert.equal(status, 400)
    assert.match(error.message, /not valid JSON/)
  })

  it('invalid UTF-8', async () => {
    const { status, error } = await send(new Uint8Array([0x7b, 0xff, 0x7d]))
    assert.equal(status, 400)
    assert.match(error.message, /UTF-8/)
  })

  it('something else than an object', async () => {
    for (const body of ['[]', 'null', '"x"', '3', '']) assert.equal((await send(body)).status, 400)
  })

  it('nesting beyond any stack', async () => {
    const limits = {
      bodyBytes: 3_000_000,
      maxChoices: 8,
      defaultMaxTokens: 64,
      keepAliveMs: 10_000,
      heldLogprobs: 500_000,
    }
    const deep = `{"model":"tiny","messages":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    const response = await toyGateway({ limits }).post('/v1/chat/completions', deep)
    assert.equal(response.status, 400)
  })

  it('one too large is not read to its end', async () => {
    let pulled = 0
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1
        controller.enqueue(new Uint8Array(1000))
      },
    })
    const response = await toyGateway().app.request('/v1/chat/completions', {
      method: 'POST',
      body: endless,
      duplex: 'half',
    } as RequestInit)
    assert.equal(response.status, 413)
    assert.ok(pulled < 20)
    assert.equal((await jsonOf(response)).error.code, 'request_too_large')
  })

  it('names like __proto__ are fields like any other', async () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const { status, error } = await send(
        `{"model":"tiny","messages":[{"role":"user","content":"x"}],"${key}":{"a":1}}`,
      )
      assert.equal(status, 400, key)
      assert.match(error.message, /not a known field/, key)
    }
  })

  it('__proto__ is refused by name wherever it stands, also where any name is possible', async () => {
    for (const [field, param] of [
      ['"alignment":{"preferences":{"__proto__":1}}', 'alignment.preferences.__proto__'],
      ['"logit_bias":{"__proto__":1}', 'logit_bias.__proto__'],
      ['"metadata":{"__proto__":"x"}', 'metadata.__proto__'],
    ] as const) {
      const { status, error } = await send(`{"model":"tiny","messages":[{"role":"user","content":"x"}],${field}}`)
      assert.equal(status, 400, field)
      assert.equal(error.param, param)
    }
    const headers = { 'x-trimtab-alignment': '{"preferences":{"__proto__":1}}' }
    const { error } = await jsonOf(await toyGateway().chat({}, { headers }))
    assert.equal(error.param, 'X-Trimtab-Alignment.preferences.__proto__')
  })

  it('two spellings of one token id cannot hide each other', async () => {
    for (const id of ['01', '+1', '1.0', '00']) {
      const { error } = await jsonOf(await toyGateway().chat({ logit_bias: { 1: 1, [id]: -1 } }))
      assert.equal(error.param, `logit_bias.${id}`)
    }
    assert.equal((await toyGateway().chat({ logit_bias: { 0: 1, 10: 1 } })).status, 200)
  })

  it('no JSON value whatever crashes a route', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.jsonValue(),
        fc.constantFrom('messages', 'alignment', 'stop', 'logit_bias', 'prompt'),
        async (value, field) => {
          const { post, faults } = toyGateway()
          for (const path of ['/v1/chat/completions', '/v1/completions']) {
            const response = await post(path, { model: 'tiny', [field]: value })
            assert.ok([200, 400].includes(response.status))
          }
          assert.deepEqual(faults, [])
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('headers and routes', () => {
  it('its_hub headers are refused by name', async () => {
    const response = await toyGateway().chat({}, { headers: { 'X-ITS-Budget': '4' } })
    assert.equal((await jsonOf(response)).error.param, 'X-ITS-Budget')
  })

  it('an alignment header that is no JSON or names nothing', async () => {
    for (const value of ['{bad', '{"guides": 3}', 'grumpy']) {
      const response = await toyGateway().chat({}, { headers: { 'x-trimtab-alignment': value } })
      assert.equal(response.status, 400, value)
      assert.match((await jsonOf(response)).error.param, /^X-Trimtab-Alignment/)
    }
  })

  it('unknown routes and methods', async () => {
    const { app } = toyGateway()
    const missing = await app.request('/v1/embeddings', { method: 'POST' })
    assert.equal(missing.status, 404)
    assert.equal((await jsonOf(missing)).error.type, 'invalid_request_error')
  })

  it('a known path with another method names those that are possible', async () => {
    const { app } = toyGateway()
    for (const [method, path, allow] of [
      ['GET', '/v1/chat/completions', 'POST'],
      ['PUT', '/v1/completions', 'POST'],
      ['POST', '/v1/models', 'GET, HEAD'],
      ['POST', '/v1/models/tiny', 'GET, HEAD'],
      ['DELETE', '/v1/models/org/name', 'GET, HEAD'],
    ] as const) {
      const response = await app.request(path, { method })
      assert.equal(response.status, 405, path)
      assert.equal(response.headers.get('allow'), allow)
      assert.equal((await jsonOf(response)).error.code, 'method_not_allowed')
    }
  })

  it('text beyond ASCII in the alignment header is UTF-8', async () => {
    const bytes = (text: string) => ({ 'x-trimtab-alignment': Buffer.from(text).toString('latin1') })
    const { chat, engine } = toyGateway()
    await chat({}, { headers: bytes('{"guides":[{"principle":"Répondez en français – s’il vous plaît."}]}') })
    const [guide] = engine.requests[0]?.alignment?.guides ?? []
    assert.equal(guide?.principle, 'Répondez en français – s’il vous plaît.')
  })

  it('an alignment header that is not UTF-8 is refused', async () => {
    const { error } = await jsonOf(await toyGateway().chat({}, { headers: { 'x-trimtab-alignment': 'fran\u00e7ais' } }))
    assert.equal(error.param, 'X-Trimtab-Alignment')
    assert.match(error.message, /UTF-8/)
  })

  it('a presentable request id comes back, another is replaced', async () => {
    const { app } = toyGateway()
    const send = async (id: string) =>
      (await app.request('/healthz', { headers: { 'x-request-id': id } })).headers.get('x-request-id')
    assert.equal(await send('abc-1'), 'abc-1')
    assert.match((await send('bad id!')) ?? '', /^req_/)
  })
})
