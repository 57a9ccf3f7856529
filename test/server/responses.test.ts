import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ApiProblem } from '../../src/server/api-problem.ts'
import { type Json, jsonOf, toyGateway } from './toy-gateway.ts'

function responsesGateway() {
  const gateway = toyGateway()
  const respond = (fields: object = {}) => gateway.post('/v1/responses', { model: 'tiny', input: 'Hi', ...fields })
  return { ...gateway, respond }
}

/** The events of a streamed response, each under the name that its frame has too. */
async function eventsOf(response: Response): Promise<Json[]> {
  const frames = (await response.text()).split('\n\n').filter((frame) => frame.startsWith('event: '))
  return frames.map((frame) => {
    const [, name, data] = /^event: (\S+)\ndata: (.*)$/.exec(frame) ?? []
    const event = JSON.parse(data!)
    assert.equal(event.type, name)
    return event
  })
}

const entry = (token: string) => {
  const bytes = [...Buffer.from(token)]
  return { token, logprob: -0.5, bytes, top_logprobs: [{ token, logprob: -0.5, bytes }] }
}
const logprobs = { include: ['message.output_text.logprobs'], top_logprobs: 1 }
const words = ['Hello', ' there', '.']

describe('POST /v1/responses', () => {
  it('replies in the shape of the OpenAI reference', async () => {
    const { respond } = responsesGateway()
    const reply = await respond({ instructions: 'Be kind.', max_output_tokens: 9, metadata: { a: 'b' }, ...logprobs })
    assert.equal(reply.status, 200)
    const { id, created_at: created, completed_at: completed, output, ...body } = await jsonOf(reply)
    assert.match(id, /^resp_[0-9a-f]{32}$/)
    assert.ok(Math.abs(created - Date.now() / 1000) < 5 && completed >= created)
    const text = { type: 'output_text', text: 'Hello there.', annotations: [], logprobs: words.map(entry) }
    const item = { type: 'message', status: 'completed', role: 'assistant', content: [text] }
    assert.deepEqual(output, [{ id: id.replace('resp', 'msg'), ...item }])
    assert.deepEqual(body, {
      object: 'response',
      status: 'completed',
      background: false,
      error: null,
      incomplete_details: null,
      instructions: 'Be kind.',
      max_output_tokens: 9,
      max_tool_calls: null,
      model: 'tiny',
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: null, summary: null },
      safety_identifier: null,
      service_tier: 'default',
      store: false,
      temperature: 1,
      text: { format: { type: 'text' }, verbosity: 'medium' },
      tool_choice: 'auto',
      tools: [],
      top_logprobs: 1,
      top_p: 1,
      presence_penalty: 0,
      frequency_penalty: 0,
      truncation: 'disabled',
      usage: {
        input_tokens: 5,
        input_tokens_details: { cached_tokens: 2, cache_write_tokens: 0 },
        output_tokens: 3,
        output_tokens_details: { reasoning_tokens: 0 },
        total_tokens: 8,
      },
      user: null,
      metadata: { a: 'b' },
    })
  })

  it('streams its typed events in order and ends with the whole response', async () => {
    const { respond } = responsesGateway()
    const fields = { seed: 3, alignment: { guides: [{ guide: 'positive' }] }, ...logprobs }
    const whole = await jsonOf(await respond(fields))
    const events = await eventsOf(await respond({ ...fields, stream: true }))
    assert.deepEqual(
      events.map(({ type }) => type),
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.delta',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.completed',
      ],
    )
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      [...events.keys()],
    )
    const [created, , added, part, first] = events
    assert.deepEqual([created.response.status, created.response.output], ['in_progress', []])
    assert.deepEqual([added.item.status, added.item.content], ['in_progress', []])
    assert.deepEqual(part.part, { type: 'output_text', text: '', annotations: [], logprobs: [] })
    const place = { item_id: added.item.id, output_index: 0, content_index: 0 }
    const delta = { type: 'response.output_text.delta', sequence_number: 4, ...place, delta: 'Hello' }
    assert.deepEqual(first, { ...delta, logprobs: [entry('Hello')] })
    const [textDone, partDone, itemDone, { response }] = events.slice(-4)
    assert.equal(textDone.text, 'Hello there.')
    assert.deepEqual(itemDone.item, response.output[0])
    assert.deepEqual(partDone.part, response.output[0].content[0])
    assert.equal(response.alignment.method, 'genarm')
    assert.equal(response.alignment.seed, 3)
    const named = (reply: Json) => ({
      ...reply,
      id: '',
      created_at: 0,
      completed_at: 0,
      output: reply.output[0].content,
    })
    assert.deepEqual(named(response), named(whole))
  })

  it('asks the engine for what a chat completion would, instructions first', async () => {
    const { respond, chat, engine } = responsesGateway()
    const content = [{ type: 'input_text', text: 'Hi' }]
    const said = { type: 'output_text', text: 'Yes?', annotations: [], logprobs: [] }
    const answer = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant', content: [said] }
    const input = [{ role: 'user', content }, answer, { role: 'user', content: 'Go on.' }]
    const shared = { seed: 1, temperature: 0.5, top_p: 0.9 }
    await respond({ ...shared, instructions: 'Be kind.', input, max_output_tokens: 4, ...logprobs })
    const messages = [
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'Go on.' },
    ]
    await chat({ ...shared, messages, max_tokens: 4, logprobs: true, top_logprobs: 1 })
    const [one, two] = engine.requests
    assert.deepEqual(one, two)
  })

  it('holds log-probabilities even when streamed, for the last events repeat them', async () => {
    const { respond, engine } = responsesGateway()
    await (await respond({ stream: true, ...logprobs })).text()
    assert.equal(engine.requests[0]?.replyLimit?.streamed, false)
  })

  const refused: readonly (readonly [fields: object, param: string, code: string | null, message: RegExp])[] = [
    [{ input: undefined }, 'input', null, /is required/],
    [{ input: [] }, 'input', null, /at least one item/],
    [{ input: [{ role: 'bot', content: 'Hi' }] }, 'input[0].role', null, /Invalid option|invalid option/],
    [
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'x' }] }] },
      'input[0].content[0].type',
      'unsupported_parameter',
      /only text parts are/,
    ],
    [
      { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }] },
      'input[0].type',
      'unsupported_parameter',
      /function calls are not supported yet/,
    ],
    [{ input: [{ type: 'item_reference', id: 'a' }] }, 'input[0].type', 'unsupported_parameter', /nothing is stored/],
    [{ tools: [{ type: 'function', name: 'f' }] }, 'tools', 'unsupported_parameter', /tools/],
    [{ tools: [{ type: 'web_search' }] }, 'tools', 'unsupported_parameter', /tools/],
    [{ tool_choice: 'required' }, 'tool_choice', 'unsupported_parameter', /tools/],
    [{ store: true }, 'store', 'unsupported_parameter', /not stored/],
    [{ previous_response_id: 'resp_1' }, 'previous_response_id', 'unsupported_parameter', /as `input`/],
    [{ conversation: 'conv_1' }, 'conversation', 'unsupported_parameter', /as `input`/],
    [{ background: true }, 'background', 'unsupported_parameter', /as long as its request/],
    [{ truncation: 'auto' }, 'truncation', 'unsupported_parameter', /nothing/],
    [{ text: { format: { type: 'json_schema', name: 'a' } } }, 'text.format.schema', null, /is required/],
    [{ reasoning: { effort: 'high' } }, 'reasoning.effort', 'unsupported_parameter', /not supported/],
    [{ include: ['file_search_call.results'] }, 'include[0]', null, /option/],
    [{ top_logprobs: 2 }, 'top_logprobs', null, /needs include/],
    [{ n: 2 }, 'n', 'unsupported_parameter', /alignment.best_of/],
    [{ messages: [] }, 'messages', null, /not a known field/],
    [{ max_tokens: 3 }, 'max_tokens', null, /not a known field/],
    [{ guides: [] }, 'guides', null, /belongs in 'alignment'/],
    [{ metadata: Object.fromEntries(Array.from({ length: 17 }, (_, i) => [i, ''])) }, 'metadata', null, /16/],
  ]
  for (const [fields, param, code, message] of refused) {
    it(`refuses ${JSON.stringify(fields).slice(0, 80)}`, async () => {
      const reply = await responsesGateway().respond(fields)
      assert.equal(reply.status, 400)
      const { error } = await jsonOf(reply)
      assert.deepEqual([error.param, error.code], [param, code])
      assert.match(error.message, message)
    })
  }

  it('takes what means "none"', async () => {
    const neutral = {
      tools: [],
      tool_choice: 'none',
      parallel_tool_calls: false,
      store: false,
      background: false,
      truncation: 'disabled',
      text: { format: { type: 'text' }, verbosity: 'medium' },
      reasoning: { effort: 'none' },
      include: ['reasoning.encrypted_content'],
      service_tier: 'auto',
      previous_response_id: null,
      n: 1,
    }
    assert.equal((await responsesGateway().respond(neutral)).status, 200)
  })

  it('names its own fields where the engine speaks of those of chat completions', async () => {
    const { respond, engine } = responsesGateway()
    engine.failure = new ApiProblem('context-length', 'Shorten the prompt or lower max_tokens.', { param: 'messages' })
    const { error } = await jsonOf(await respond())
    assert.equal(error.param, 'input')
    assert.equal(error.message, 'Shorten the prompt or lower max_output_tokens.')
  })

  it('tells a failure in the middle of a stream in an event that clients raise', async () => {
    const { respond, engine } = responsesGateway()
    engine.failure = new ApiProblem('engine-unavailable', 'The engine process ended.')
    engine.failAt = 2
    const events = await eventsOf(await respond({ stream: true }))
    const { error, ...last } = events.at(-1)
    assert.deepEqual(last, {
      type: 'error',
      sequence_number: events.length - 1,
      code: 'engine_unavailable',
      message: 'The engine process ended.',
      param: null,
    })
    assert.equal(error.type, 'service_unavailable_error')
  })

  it('has no other method', async () => {
    const { app } = responsesGateway()
    assert.equal((await app.request('/v1/responses')).headers.get('allow'), 'POST')
  })
})
