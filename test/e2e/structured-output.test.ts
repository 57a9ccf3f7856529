import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { cannotServe, type ServerProcess, startServer } from './server-process.ts'

const messages = [{ role: 'user' as const, content: 'Write a review of the Abbey Hotel.' }]
const review = z.object({
  stars: z.int().min(1).max(5),
  mood: z.enum(['good', 'bad']),
  words: z.array(z.string()).max(2),
})
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }]
const asked = { model: 'tiny', messages, seed: 7, max_tokens: 120 }

describe('structured output and tools by the official openai client', { skip: cannotServe }, () => {
  let server: ServerProcess
  let client: OpenAI

  before(async () => {
    server = await startServer()
    client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
  })

  after(async () => {
    assert.equal(await server?.stop(), 0)
  })

  it('parses what zod describes, whole and streamed, with the same text', async () => {
    const response_format = zodResponseFormat(review, 'review')
    const whole = await client.chat.completions.parse({ ...asked, response_format })
    assert.ok(review.safeParse(whole.choices[0]!.message.parsed).success)
    const streamed = await client.chat.completions.stream({ ...asked, response_format }).finalChatCompletion()
    assert.equal(streamed.choices[0]!.message.content, whole.choices[0]!.message.content)
  })

  it('composes with guides, log-probabilities, n, best-of and particles', async () => {
    const response_format = zodResponseFormat(review, 'review')
    const guides = [{ guide: 'positive', weight: 1 }]
    const answers = [
      { n: 3, logprobs: true, alignment: { guides } },
      { alignment: { guides, best_of: { n: 3, reward: 'sentiment' } } },
      { alignment: { particles: { n: 3, reward: 'sentiment', resample_every: 8 } } },
    ]
    for (const fields of answers) {
      const body = { ...asked, response_format, ...fields }
      const { choices } = await client.chat.completions.create(body as typeof asked)
      for (const { message, logprobs } of choices) {
        assert.ok(review.safeParse(JSON.parse(message.content!)).success, message.content!)
        if ('logprobs' in fields) assert.equal(logprobs!.content!.map(({ token }) => token).join(''), message.content)
      }
    }
  })

  it('gives any JSON object', async () => {
    const { choices } = await client.chat.completions.create({ ...asked, response_format: { type: 'json_object' } })
    assert.equal(typeof JSON.parse(choices[0]!.message.content!), 'object')
  })

  it('calls a tool that must be called, whole and streamed', async () => {
    for (const tool_choice of ['required', { type: 'function', function: { name: 'weather' } }] as const) {
      const body = { ...asked, tools, tool_choice, parallel_tool_calls: false }
      const whole = await client.chat.completions.create(body)
      const { message, finish_reason } = whole.choices[0]!
      assert.deepEqual([finish_reason, message.content], ['tool_calls', null])
      const [call] = message.tool_calls!
      assert.ok(call?.type === 'function' && call.function.name === 'weather' && call.id.startsWith('call_'))
      assert.equal(typeof JSON.parse(call.function.arguments).city, 'string')
      const streamed = await client.chat.completions.stream(body).finalChatCompletion()
      const [same] = streamed.choices[0]!.message.tool_calls!
      assert.ok(same?.type === 'function')
      assert.equal(same.function.arguments, call.function.arguments)
    }
  })

  it('says of a call that a stop string cut in its arguments that the answer was stopped, not that it has calls', async () => {
    const { choices } = await client.chat.completions.create({
      ...asked,
      tools,
      tool_choice: 'required',
      stop: ['city'],
    })
    const [call] = choices[0]!.message.tool_calls!
    assert.ok(call?.type === 'function' && /^\{\s*"$/.test(call.function.arguments))
    assert.equal(choices[0]!.finish_reason, 'stop')
  })

  it('goes on after calls and their results', async () => {
    const call = {
      id: 'call_1',
      type: 'function' as const,
      function: { name: 'weather', arguments: '{"city": "Bath"}' },
    }
    const said = [
      ...messages,
      { role: 'assistant' as const, content: null, tool_calls: [call] },
      { role: 'tool' as const, tool_call_id: 'call_1', content: 'Rain.' },
    ]
    const { choices } = await client.chat.completions.create({ ...asked, messages: said, tools, max_tokens: 8 })
    assert.ok(choices[0]!.message.content)
  })

  it('refuses what it cannot honour, with the field', async () => {
    const schema = { type: 'object', properties: { a: { type: 'integer', multipleOf: 5 } } }
    const bad = [
      [
        { response_format: { type: 'json_schema', json_schema: { name: 'a', schema } } },
        'response_format.json_schema.schema',
        /#\/properties\/a: 'multipleOf'/,
      ],
      [
        { tools: [{ type: 'function', function: { name: 'f', parameters: schema } }] },
        'tools[0].function.parameters',
        /multipleOf/,
      ],
      [
        { response_format: { type: 'json_schema', json_schema: { name: 'a', schema: { $ref: '#/$defs/100%' } } } },
        'response_format.json_schema.schema',
        /hexadecimal/,
      ],
      [{ response_format: { type: 'json_object' }, ignore_eos: true }, 'ignore_eos', /where that is complete/],
    ] as const
    for (const [fields, param, message] of bad) {
      const refused = client.chat.completions.create({ ...asked, ...fields } as typeof asked)
      await assert.rejects(refused, (error) => {
        assert.ok(error instanceof OpenAI.APIError)
        assert.deepEqual([error.status, error.param], [400, param])
        assert.match(error.message, message)
        return true
      })
    }
  })

  it('answers of /v1/responses follow text.format', async () => {
    const schema = z.toJSONSchema(review)
    const format = { type: 'json_schema' as const, name: 'review', schema }
    const response = await client.responses.create({
      model: 'tiny',
      input: 'Hi',
      max_output_tokens: 120,
      text: { format },
    })
    assert.ok(review.safeParse(JSON.parse(response.output_text)).success)
  })
})
