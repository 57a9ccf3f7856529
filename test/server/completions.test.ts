import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toCompletionLogprobs } from '../../src/server/reply-parts.ts'
import { framesOf, jsonOf, toyGateway } from './toy-gateway.ts'

const completion = (fields: object) => {
  const gateway = toyGateway()
  return { ...gateway, response: gateway.post('/v1/completions', { model: 'tiny', ...fields }) }
}

describe('POST /v1/completions', () => {
  it('replies in the shape of the OpenAI reference', async () => {
    const body = await jsonOf(await completion({ prompt: 'x', logprobs: 1 }).response)
    assert.match(body.id, /^cmpl-/)
    assert.equal(body.object, 'text_completion')
    assert.deepEqual(body.choices, [
      {
        text: 'Hello there.',
        index: 0,
        logprobs: {
          tokens: ['Hello', ' there', '.'],
          token_logprobs: [-0.5, -0.5, -0.5],
          top_logprobs: [{ Hello: -0.5 }, { ' there': -0.5 }, { '.': -0.5 }],
          text_offset: [0, 5, 11],
        },
        finish_reason: 'stop',
      },
    ])
  })

  it('tells tokens apart that are parts of characters, and keeps the more likely of two with one text', () => {
    const report = (bytes: number[], logprob: number) => ({ token: Buffer.from(bytes).toString(), bytes, logprob })
    const euro = [0xe2, 0x82, 0xac]
    const top = [report([0xe2], -1), report([0x82], -2), report([97], -3), report([97], -4)]
    const tokens = [...euro.map((byte) => ({ ...report([byte], -1), top })), { ...report([98], -1), top: [] }]
    assert.deepEqual(toCompletionLogprobs(tokens, 5), {
      tokens: ['bytes:\\xe2', 'bytes:\\x82', 'bytes:\\xac', 'b'],
      token_logprobs: [-1, -1, -1, -1],
      top_logprobs: [...euro.map(() => ({ 'bytes:\\xe2': -1, 'bytes:\\x82': -2, a: -3 })), {}],
      text_offset: [5, 5, 5, 6],
    })
  })

  it('takes a text, texts, token ids and lists of token ids', async () => {
    const cases = [
      ['a', [{ type: 'text', text: 'a' }]],
      [
        ['a', 'b'],
        [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      ],
      [[1, 2], [{ type: 'token-ids', ids: [1, 2] }]],
      [
        [[1], [2, 3]],
        [
          { type: 'token-ids', ids: [1] },
          { type: 'token-ids', ids: [2, 3] },
        ],
      ],
    ]
    for (const [prompt, prompts] of cases) {
      const { engine, response } = completion({ prompt })
      await response
      assert.deepEqual(engine.requests[0]?.prompts, prompts)
      assert.equal(engine.requests[0]?.sampling.maxTokens, 16)
    }
  })

  it('numbers the choices prompt by prompt', async () => {
    const body = await jsonOf(await completion({ prompt: ['a', 'b'], n: 2 }).response)
    assert.deepEqual(
      body.choices.map((choice: { index: number }) => choice.index),
      [0, 1, 2, 3],
    )
  })

  it('streams text and running offsets', async () => {
    const fields = { prompt: 'x', stream: true, logprobs: 0, stream_options: { include_usage: true } }
    const frames = await framesOf(await completion(fields).response)
    assert.equal(frames.at(-1), '[DONE]')
    assert.equal(frames.at(-2).usage.prompt_tokens, 5)
    const choices = frames.slice(0, -2).map((chunk) => chunk.choices[0])
    assert.deepEqual(
      choices.map((choice) => choice.text),
      ['Hello', ' there', '.', ''],
    )
    assert.deepEqual(
      choices.slice(0, 3).map((choice) => choice.logprobs.text_offset),
      [[0], [5], [11]],
    )
    assert.equal(choices.at(-1).finish_reason, 'stop')
  })

  it('refuses what it cannot do, naming the field', async () => {
    for (const [fields, param] of [
      [{ prompt: 'x', echo: true }, 'echo'],
      [{ prompt: 'x', suffix: 'y' }, 'suffix'],
      [{ prompt: 'x', best_of: 3 }, 'best_of'],
      [{ prompt: [] }, 'prompt'],
      [{ prompt: [-1] }, 'prompt[0]'],
      [{}, 'prompt'],
    ] as const) {
      const response = await completion(fields).response
      assert.equal(response.status, 400)
      assert.equal((await jsonOf(response)).error.param, param)
    }
  })
})

describe('other routes', () => {
  it('GET /v1/models lists models and aliases', async () => {
    const { app } = toyGateway()
    const list = await jsonOf(await app.request('/v1/models'))
    assert.deepEqual(list, {
      object: 'list',
      data: [
        { id: 'tiny', object: 'model', created: 1_700_000_000, owned_by: 'trimtab' },
        {
          id: 'tiny-friendly',
          object: 'model',
          created: 1_700_000_000,
          owned_by: 'trimtab',
          root: 'tiny',
          alignment: { policy: 'friendly' },
        },
      ],
    })
    assert.deepEqual(await jsonOf(await app.request('/v1/models/tiny')), list.data[0])
    const missing = await app.request('/v1/models/org/name')
    assert.equal(missing.status, 404)
    assert.equal((await jsonOf(missing)).error.code, 'model_not_found')
  })

  it('GET /readyz is 503 while the engine is away', async () => {
    const { app, engine } = toyGateway()
    const ready = await app.request('/readyz')
    assert.equal(ready.status, 200)
    assert.deepEqual((await jsonOf(ready)).engine.blocks, { total: 100, live: 0, cached: 7, reserved: 0 })
    engine.state = { status: 'restarting', models: engine.state.models, restarts: 1 }
    assert.equal((await app.request('/readyz')).status, 503)
    const health = await jsonOf(await app.request('/healthz'))
    assert.equal(health.pid, process.pid)
    assert.deepEqual(health.engine, { status: 'restarting', restarts: 1 })
  })

  it('GET /openapi.json describes the bodies that are checked', async () => {
    const document = await jsonOf(await toyGateway().app.request('/openapi.json'))
    assert.equal(document.openapi, '3.1.0')
    const { ChatRequest, CompletionRequest } = document.components.schemas
    assert.deepEqual(ChatRequest.required, ['model', 'messages'])
    assert.equal(ChatRequest.properties.temperature.maximum, 2)
    assert.equal(ChatRequest.additionalProperties, false)
    assert.ok(ChatRequest.properties.alignment.properties.guides)
    assert.equal(CompletionRequest.properties.max_tokens.default, 16)
  })
})
