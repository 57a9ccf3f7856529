// The official client for Node: chat, completions, responses, and `alignment` as a plain key.
import assert from 'node:assert/strict'
import OpenAI from 'openai'
import { zodResponseFormat } from 'openai/helpers/zod'
import { z } from 'zod'
import { alignment, attempt, baseURL, local, question, refused, upstream } from './report.mjs'

const client = new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 })
const messages = [{ role: 'user', content: question }]
const asked = { model: local, messages, seed: 7, max_tokens: 16 }
const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const tools = [{ type: 'function', function: { name: 'weather', parameters } }]

async function listed(items) {
  const list = []
  for await (const item of items) list.push(item)
  return list
}

async function textOf(stream) {
  let text = ''
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
  return text
}

await attempt('chat', async () => {
  const { choices, usage } = await client.chat.completions.create(asked)
  assert.ok(choices[0].message.content)
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)
})

await attempt('chat, streamed', async () => {
  const whole = await client.chat.completions.create(asked)
  assert.equal(
    await textOf(await client.chat.completions.create({ ...asked, stream: true })),
    whole.choices[0].message.content,
  )
})

await attempt('log-probabilities', async () => {
  const { choices } = await client.chat.completions.create({ ...asked, logprobs: true, top_logprobs: 2 })
  assert.equal(choices[0].logprobs.content[0].top_logprobs.length, 2)
})

await attempt('completions', async () => {
  const { choices } = await client.completions.create({ model: local, prompt: 'The', max_tokens: 4 })
  assert.ok(choices[0].text)
})

await attempt('models', async () => {
  assert.ok((await listed(client.models.list())).some(({ id }) => id === local))
})

await attempt('alignment', async () => {
  const reply = await client.chat.completions.create({ ...asked, alignment })
  assert.equal(reply.alignment.method, 'genarm')
})

await attempt('alignment, streamed', async () => {
  const stream = await client.chat.completions.create({ ...asked, alignment, stream: true })
  const chunks = await listed(stream)
  assert.equal(chunks.findLast(({ choices }) => choices.length > 0).alignment.method, 'genarm')
})

await attempt('responses', async () => {
  const response = await client.responses.create({
    model: local,
    input: question,
    seed: 7,
    max_output_tokens: 16,
    alignment,
  })
  assert.ok(response.output_text)
  assert.equal(response.alignment.method, 'genarm')
})

await attempt('responses, streamed', async () => {
  const body = { model: local, input: question, seed: 7, max_output_tokens: 16 }
  const stream = client.responses.stream(body)
  assert.equal((await stream.finalResponse()).output_text, (await client.responses.create(body)).output_text)
})

await attempt('errors', async () => {
  await refused(() => client.chat.completions.create({ ...asked, model: 'gpt' }), 404, /does not exist/)
  await refused(() => client.chat.completions.create({ ...asked, temperature: 3 }), 400, /temperature/)
  await refused(
    () => client.chat.completions.create({ ...asked, alignment: { guides: [{ guide: 'no' }] } }),
    400,
    /Known guides/,
  )
})

const room = { ...asked, max_tokens: 85 }
const forced = { ...room, tools, tool_choice: 'required', parallel_tool_calls: false }
const isPlaceCall = ([call, ...others]) => {
  assert.deepEqual([call.function.name, others.length], ['weather', 0])
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string')
}

await attempt('tools, own engine', async () => {
  const reply = await client.chat.completions.create(forced)
  assert.equal(reply.choices[0].finish_reason, 'tool_calls')
  isPlaceCall(reply.choices[0].message.tool_calls)
})

await attempt('tools streamed, own engine', async () => {
  const run = client.chat.completions.stream(forced)
  isPlaceCall((await run.finalMessage()).tool_calls)
})

const schema = zodResponseFormat(z.object({ city: z.string() }), 'place')
await attempt('structured output, own engine', async () => {
  const reply = await client.chat.completions.parse({ ...room, response_format: schema })
  assert.equal(typeof reply.choices[0].message.parsed.city, 'string')
})

await attempt('tools, upstream', async () => {
  const reply = await client.chat.completions.create({ model: upstream, messages, tools })
  const [call] = reply.choices[0].message.tool_calls
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Bath' }])
})

await attempt('tools streamed, upstream', async () => {
  const run = client.chat.completions.stream({ model: upstream, messages, tools })
  const [call] = (await run.finalMessage()).tool_calls
  assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ['weather', { city: 'Bath' }])
})

await attempt('structured output, upstream', async () => {
  const reply = await client.chat.completions.parse({ model: upstream, messages, response_format: schema })
  assert.deepEqual(reply.choices[0].message.parsed, { city: 'Bath' })
})

await attempt('embeddings, upstream', async () => {
  const { data } = await client.embeddings.create({ model: upstream, input: ['a', 'b'] })
  assert.deepEqual(
    data.map(({ embedding }) => embedding),
    [
      [0, 0.5],
      [1, 0.5],
    ],
  )
})
