// The Vercel AI SDK; its argument chooses the provider: openai-compatible, or openai with its chat and responses models.
import assert from 'node:assert/strict'
import { argv } from 'node:process'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { embedMany, generateText, Output, streamText, tool } from 'ai'
import { z } from 'zod'
import { alignment, attempt, baseURL, local, question, refused, upstream } from './report.mjs'

globalThis.AI_SDK_LOG_WARNINGS = false
const settings = { name: 'trimtab', baseURL, apiKey: 'none' }
const compatible = argv[2] === 'openai-compatible'
const provider = compatible
  ? createOpenAICompatible({ ...settings, includeUsage: true, supportsStructuredOutputs: true })
  : createOpenAI(settings)
const chat = (name) => (compatible ? provider.chatModel(name) : provider.chat(name))

/** A provider that adds fields to every body: how one without a place for them is told. */
const withFields = (fields) =>
  createOpenAI({
    ...settings,
    fetch: (url, init) => fetch(url, { ...init, body: JSON.stringify({ ...JSON.parse(init.body), ...fields }) }),
  })

const asked = { model: chat(local), prompt: question, seed: 7, maxOutputTokens: 16, maxRetries: 0 }
const weather = tool({ inputSchema: z.object({ city: z.string() }) })
const called = (calls) =>
  assert.deepEqual(
    calls.map(({ toolName, input }) => [toolName, input]),
    [['weather', { city: 'Bath' }]],
  )

/** The alignment report of a reply: the provider's metadata, or its raw body. */
const aligned = compatible
  ? { ...asked, providerOptions: { trimtab: { alignment } } }
  : { ...asked, model: withFields({ alignment }).chat(local) }

async function rawAlignment(result) {
  let found
  for await (const part of result.fullStream) if (part.type === 'raw') found = part.rawValue.alignment ?? found
  return found
}

await attempt('chat', async () => {
  const { text, usage, finishReason } = await generateText(asked)
  assert.ok(text)
  assert.ok(usage.inputTokens > 0 && usage.outputTokens > 0)
  assert.ok(['stop', 'length'].includes(finishReason))
})

await attempt('chat, streamed', async () => {
  assert.equal(await streamText(asked).text, (await generateText(asked)).text)
})

if (!compatible)
  await attempt('log-probabilities', async () => {
    const { providerMetadata } = await generateText({ ...asked, providerOptions: { openai: { logprobs: 2 } } })
    assert.equal(providerMetadata.openai.logprobs[0].top_logprobs.length, 2)
  })

await attempt('alignment', async () => {
  const { response } = await generateText({ ...aligned, include: { responseBody: true } })
  assert.equal(response.body.alignment.method, 'genarm')
})

await attempt('alignment, streamed', async () => {
  const report = await rawAlignment(streamText({ ...aligned, includeRawChunks: true, include: { rawChunks: true } }))
  assert.equal(report.method, 'genarm')
})

await attempt('errors', async () => {
  await refused(() => generateText({ ...asked, model: chat('gpt') }), 404, /does not exist/)
  await refused(() => generateText({ ...asked, temperature: 3 }), 400, /temperature/)
})

const room = { ...asked, maxOutputTokens: 85 }
const forced = { ...room, tools: { weather }, toolChoice: { type: 'tool', toolName: 'weather' } }
const isPlaceCall = (calls) => {
  assert.deepEqual(
    calls.map(({ toolName, input }) => [toolName, typeof input.city]),
    [['weather', 'string']],
  )
}

await attempt('tools, own engine', async () => isPlaceCall((await generateText(forced)).toolCalls))

await attempt('tools streamed, own engine', async () => isPlaceCall(await streamText(forced).toolCalls))

const output = Output.object({ schema: z.object({ city: z.string() }) })
await attempt('structured output, own engine', async () => {
  assert.equal(typeof (await generateText({ ...room, output })).output.city, 'string')
})

await attempt('tools, upstream', async () => {
  called((await generateText({ model: chat(upstream), prompt: question, tools: { weather } })).toolCalls)
})

await attempt('tools streamed, upstream', async () => {
  called(await streamText({ model: chat(upstream), prompt: question, tools: { weather } }).toolCalls)
})

await attempt('structured output, upstream', async () => {
  assert.deepEqual((await generateText({ model: chat(upstream), prompt: question, output })).output, { city: 'Bath' })
})

await attempt('embeddings, upstream', async () => {
  const model = compatible ? provider.embeddingModel(upstream) : provider.embedding(upstream)
  assert.deepEqual((await embedMany({ model, values: ['a', 'b'] })).embeddings, [
    [0, 0.5],
    [1, 0.5],
  ])
})

if (!compatible) {
  const responding = { ...asked, seed: undefined, model: withFields({ seed: 7, alignment }).responses(local) }
  await attempt('responses', async () => {
    const { text, usage, response } = await generateText({ ...responding, include: { responseBody: true } })
    assert.ok(text)
    assert.ok(usage.outputTokens > 0)
    assert.equal(response.body.alignment.method, 'genarm')
  })
  await attempt('responses, streamed', async () => {
    assert.equal(await streamText(responding).text, (await generateText(responding)).text)
  })
}
