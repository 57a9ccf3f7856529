import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiProblem } from '../../src/server/api-problem.ts'
import { framesOf, jsonOf, toyGateway } from './toy-gateway.ts'

describe('POST /v1/chat/completions', () => {
  it('replies in the shape of the OpenAI reference', async () => {
    const response = await toyGateway().chat({ logprobs: true, top_logprobs: 1, n: 2 })
    assert.equal(response.status, 200)
    const { id, created, system_fingerprint: fingerprint, ...body } = await jsonOf(response)
    assert.match(id, /^chatcmpl-[0-9a-f]{32}$/)
    assert.ok(Math.abs(created - Date.now() / 1000) < 5)
    assert.match(fingerprint, /^fp_/)
    const entry = (token: string) => {
      const bytes = [...Buffer.from(token)]
      return { token, logprob: -0.5, bytes, top_logprobs: [{ token, logprob: -0.5, bytes }] }
    }
    const choice = (index: number) => ({
      index,
      message: { role: 'assistant', content: 'Hello there.', refusal: null },
      logprobs: { content: ['Hello', ' there', '.'].map(entry), refusal: null },
      finish_reason: 'stop',
    })
    assert.deepEqual(body, {
      object: 'chat.completion',
      model: 'tiny',
      choices: [choice(0), choice(1)],
      usage: {
        prompt_tokens: 5,
        completion_tokens: 6,
        total_tokens: 11,
        prompt_tokens_details: { cached_tokens: 2, audio_tokens: 0 },
        completion_tokens_details: {
          reasoning_tokens: 0,
          audio_tokens: 0,
          accepted_prediction_tokens: 0,
          rejected_prediction_tokens: 0,
        },
      },
    })
  })

  it('streams role, content, finish, usage and [DONE] in this order', async () => {
    const response = await toyGateway().chat({ stream: true, stream_options: { include_usage: true } })
    assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/)
    const frames = await framesOf(response)
    assert.equal(frames.pop(), '[DONE]')
    const last = frames.pop()
    assert.deepEqual(last.choices, [])
    assert.equal(last.usage.total_tokens, 8)
    assert.ok(frames.every((chunk) => chunk.usage === null && chunk.object === 'chat.completion.chunk'))
    assert.equal(new Set([...frames, last].map((chunk) => `${chunk.id} ${chunk.created} ${chunk.model}`)).size, 1)
    assert.deepEqual(
      frames.map((chunk) => chunk.choices[0]),
      [
        { index: 0, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null },
        { index: 0, delta: { content: 'Hello' }, logprobs: null, finish_reason: null },
        { index: 0, delta: { content: ' there' }, logprobs: null, finish_reason: null },
        { index: 0, delta: { content: '.' }, logprobs: null, finish_reason: null },
        { index: 0, delta: {}, logprobs: null, finish_reason: 'stop' },
      ],
    )
  })

  it('leaves usage out of a stream that did not ask for it', async () => {
    const frames = await framesOf(await toyGateway().chat({ stream: true }))
    assert.ok(frames.every((chunk) => chunk === '[DONE]' || !('usage' in chunk)))
  })

  it('reports alignment on the last chunk that has choices, with the seed that was used', async () => {
    const fields = { stream: true, n: 2, seed: 7, alignment: { guides: [{ guide: 'positive' }], trace: true } }
    const frames = (await framesOf(await toyGateway().chat(fields))).filter((chunk) => chunk.choices)
    const carriers = frames.filter((chunk) => chunk.alignment)
    assert.equal(carriers.length, 1)
    assert.equal(frames.at(-1), carriers[0])
    assert.equal(carriers[0].choices[0].finish_reason, 'stop')
    assert.deepEqual(carriers[0].alignment, {
      method: 'genarm',
      seed: 7,
      tokens: { returned: 3, generated: 3, guide: 3, reward_calls: 0 },
      trace: {
        base_weight: 1,
        weights: { positive: 2 },
        tokens: [{ id: 7, text: 'Hello', logprob: -0.5, base_logprob: -1, guides: { positive: -0.25 } }],
      },
    })
  })

  it('reports no alignment when none was asked for', async () => {
    const body = await jsonOf(await toyGateway().chat())
    assert.equal('alignment' in body, false)
  })

  it('maps the wire to the house', async () => {
    const { chat, engine } = toyGateway()
    await chat({
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'a' },
            { type: 'text', text: 'b' },
          ],
          name: 'Ann',
        },
        { role: 'assistant', content: 'c', refusal: null, annotations: [], audio: null },
      ],
      temperature: 0,
      top_k: 5,
      logit_bias: { 3: -100 },
      stop: 'x',
      seed: -1,
      max_completion_tokens: 9,
      max_tokens: 9,
      user: 'u',
      metadata: null,
      tools: [],
      tool_choice: 'none',
    })
    const [request] = engine.requests
    assert.deepEqual(request?.prompts, [
      {
        type: 'messages',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'a\nb', name: 'Ann' },
          { role: 'assistant', content: 'c' },
        ],
      },
    ])
    const { sampling } = request ?? assert.fail()
    assert.deepEqual(sampling.logitBias, new Map([[3, -100]]))
    assert.deepEqual([sampling.stop, sampling.topK, sampling.temperature, sampling.maxTokens], [['x'], 5, 0, 9])
    assert.equal(sampling.seed, 2n ** 64n - 1n)
    assert.equal(sampling.topLogprobs, undefined)
  })

  it('lays body over header over alias', async () => {
    const { chat, engine } = toyGateway()
    const header = (value: string) => ({
      headers: { 'content-type': 'application/json', 'x-trimtab-alignment': value },
    })
    await chat({ model: 'tiny-friendly' })
    await chat({}, header('friendly'))
    await chat({ model: 'tiny-friendly' }, header('{"guides":[{"guide":"formal","weight":2}]}'))
    await chat({ alignment: { trace: true } }, header('friendly'))
    await chat({ alignment: { guides: [] } }, header('friendly'))
    const friendly = [{ guide: 'positive', weight: 0.8 }]
    assert.deepEqual(
      engine.requests.map(({ model, alignment }) => ({ model, alignment })),
      [
        { model: 'tiny', alignment: { guides: friendly } },
        { model: 'tiny', alignment: { guides: friendly } },
        { model: 'tiny', alignment: { guides: [{ guide: 'formal', weight: 2 }] } },
        { model: 'tiny', alignment: { guides: friendly, trace: true } },
        { model: 'tiny', alignment: { guides: [] } },
      ],
    )
  })
})

describe('failures of a generation', () => {
  it('get their own status while nothing was sent, streaming or not', async () => {
    for (const stream of [false, true]) {
      const { chat, engine } = toyGateway()
      engine.failure = new ApiProblem('overloaded', 'The queue is full.', { retryAfter: 1 })
      const response = await chat({ stream })
      assert.equal(response.status, 429)
      assert.equal(response.headers.get('retry-after'), '1')
      assert.equal((await jsonOf(response)).error.type, 'rate_limit_error')
    }
  })

  it('become a JSON error frame once the stream runs, and no [DONE]', async () => {
    const { chat, engine, faults } = toyGateway()
    engine.failure = new ApiProblem('engine-error', 'The engine process ended.')
    engine.failAt = 2
    const frames = await framesOf(await chat({ stream: true }))
    assert.deepEqual(frames.at(-1), {
      error: { message: 'The engine process ended.', type: 'server_error', param: null, code: 'engine_error' },
    })
    assert.equal(frames.includes('[DONE]'), false)
    assert.equal(faults.length, 1)
  })

  it('say nothing of an unexpected error, but log it', async () => {
    const { chat, engine, faults } = toyGateway()
    engine.failure = new TypeError('secret of the house')
    const response = await chat()
    assert.equal(response.status, 500)
    assert.doesNotMatch(await response.text(), /secret/)
    assert.equal(faults.length, 1)
  })

  it('a client that leaves stops the generation and is no fault', async () => {
    const { chat, engine, faults } = toyGateway()
    engine.stepMs = 5
    engine.words = Array.from({ length: 100 }, () => 'x')
    const response = await chat({ stream: true })
    const reader = response.body!.getReader()
    await reader.read()
    await reader.cancel()
    await new Promise((resolve) => setTimeout(resolve, 30))
    assert.equal(engine.abandoned, 1)
    assert.deepEqual(faults, [])
  })

  it('a silent stream starts after the keep-alive time and is kept alive by comments', async () => {
    const limits = { bodyBytes: 10_000, maxChoices: 8, defaultMaxTokens: 64, keepAliveMs: 10, heldLogprobs: 500_000 }
    const { chat, engine } = toyGateway({ limits })
    let speak = () => {}
    engine.gate = new Promise((resolve) => {
      speak = resolve
    })
    const { body } = await chat({ stream: true })
    const decoder = new TextDecoder()
    let text = ''
    for await (const bytes of body!) {
      text += decoder.decode(bytes as Uint8Array, { stream: true })
      if (text.endsWith(': keep-alive\n\n: keep-alive\n\n')) speak()
    }
    assert.ok(text.startsWith(': keep-alive\n\n'), text)
    assert.ok(text.endsWith('data: [DONE]\n\n'))
  })

  it('a draining server refuses new work', async () => {
    const response = await toyGateway({ isDraining: () => true }).chat()
    assert.equal(response.status, 503)
    assert.equal(response.headers.get('retry-after'), '5')
  })
})
