// LangChain.js: ChatOpenAI over chat completions and over responses, `alignment` through modelKwargs.
import assert from 'node:assert/strict'
import { tool } from '@langchain/core/tools'
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai'
import { z } from 'zod'
import { alignment, attempt, baseURL, local, question, refused, upstream } from './report.mjs'

const model = (fields = {}) =>
  new ChatOpenAI({
    model: local,
    apiKey: 'none',
    maxRetries: 0,
    maxTokens: 16,
    configuration: { baseURL },
    ...fields,
    modelKwargs: { seed: 7, ...fields.modelKwargs },
  })
const overUpstream = () =>
  new ChatOpenAI({ model: upstream, apiKey: 'none', maxRetries: 0, configuration: { baseURL } })

const weather = tool(async () => '', {
  name: 'weather',
  description: 'of a city',
  schema: z.object({ city: z.string() }),
})
const place = z.object({ city: z.string() })

async function gathered(stream) {
  let whole
  for await (const chunk of stream) whole = whole === undefined ? chunk : whole.concat(chunk)
  return whole
}

await attempt('chat', async () => {
  const { text, usage_metadata: usage } = await model().invoke(question)
  assert.ok(text)
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens)
})

await attempt('chat, streamed', async () => {
  const whole = await model().invoke(question)
  const streamed = await gathered(await model().stream(question))
  assert.equal(streamed.text, whole.text)
  assert.equal(streamed.usage_metadata.output_tokens, whole.usage_metadata.output_tokens)
})

await attempt('log-probabilities', async () => {
  const { response_metadata: metadata } = await model({ logprobs: true, topLogprobs: 2 }).invoke(question)
  assert.equal(metadata.logprobs.content[0].top_logprobs.length, 2)
})

await attempt('alignment', async () => {
  const aligned = model({ modelKwargs: { alignment }, __includeRawResponse: true })
  const { additional_kwargs: more } = await aligned.invoke(question)
  assert.equal(more.__raw_response.alignment.method, 'genarm')
})

await attempt('alignment, streamed', async () => {
  const fields = { modelKwargs: { alignment } }
  assert.equal((await gathered(await model(fields).stream(question))).text, (await model(fields).invoke(question)).text)
})

await attempt('responses', async () => {
  const { text, usage_metadata: usage } = await model({ useResponsesApi: true, modelKwargs: { alignment } }).invoke(
    question,
  )
  assert.ok(text)
  assert.ok(usage.output_tokens > 0)
})

await attempt('responses, streamed', async () => {
  const fields = { useResponsesApi: true }
  assert.equal((await gathered(await model(fields).stream(question))).text, (await model(fields).invoke(question)).text)
})

await attempt('errors', async () => {
  await refused(() => model({ model: 'gpt' }).invoke(question), 404, /does not exist/)
  await refused(() => model({ temperature: 3 }).invoke(question), 400, /temperature/)
})

const roomy = () => model({ maxTokens: 85 })
const forced = () => roomy().bindTools([weather], { tool_choice: 'weather' })
const isPlaceCall = ({ tool_calls: calls }) =>
  assert.deepEqual(
    calls.map(({ name, args }) => [name, typeof args.city]),
    [['weather', 'string']],
  )

await attempt('tools, own engine', async () => isPlaceCall(await forced().invoke(question)))

await attempt('tools streamed, own engine', async () => isPlaceCall(await gathered(await forced().stream(question))))

await attempt('structured output, own engine', async () => {
  const answer = await roomy().withStructuredOutput(place, { method: 'jsonSchema' }).invoke(question)
  assert.equal(typeof answer.city, 'string')
})

const called = ({ tool_calls: calls }) =>
  assert.deepEqual(
    calls.map(({ name, args }) => [name, args]),
    [['weather', { city: 'Bath' }]],
  )

await attempt('tools, upstream', async () => called(await overUpstream().bindTools([weather]).invoke(question)))

await attempt('tools streamed, upstream', async () =>
  called(await gathered(await overUpstream().bindTools([weather]).stream(question))),
)

await attempt('structured output, upstream', async () => {
  const structured = overUpstream().withStructuredOutput(place, { method: 'jsonSchema' })
  assert.deepEqual(await structured.invoke(question), { city: 'Bath' })
})

await attempt('embeddings, upstream', async () => {
  const embeddings = new OpenAIEmbeddings({
    model: upstream,
    apiKey: 'none',
    encodingFormat: 'float',
    configuration: { baseURL },
  })
  assert.deepEqual(await embeddings.embedDocuments(['a', 'b']), [
    [0, 0.5],
    [1, 0.5],
  ])
})
