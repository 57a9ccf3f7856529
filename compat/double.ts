import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { z } from 'zod'

const body = z.looseObject({
  stream: z.boolean().optional(),
  tools: z.array(z.unknown()).optional(),
  response_format: z.unknown().optional(),
  input: z.array(z.unknown()).optional(),
  encoding_format: z.string().optional(),
})

/** An OpenAI server that can do what our own engine cannot: it calls the tool it is given, answers with JSON, and embeds. */
export async function startDouble(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST') return void response.end('{}')
    const asked = body.parse(await json(request))
    if (request.url?.endsWith('/embeddings')) return sendJson(response, embeddings(asked))
    if (asked.stream === true) return sendEvents(response, chunks())
    sendJson(response, completion(asked.tools !== undefined))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url: `http://127.0.0.1:${port}`, close }
}

const place = '{"city":"Bath"}'
const weather = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: place } }
const usage = { prompt_tokens: 5, completion_tokens: 4, total_tokens: 9 }
const envelope = { id: 'chatcmpl-1', created: 1_700_000_000, model: 'double' }

function completion(callsTool: boolean) {
  const message = callsTool ? { content: null, tool_calls: [weather] } : { content: place }
  const choice = { index: 0, logprobs: null, finish_reason: callsTool ? 'tool_calls' : 'stop' }
  return {
    ...envelope,
    object: 'chat.completion',
    choices: [{ ...choice, message: { role: 'assistant', refusal: null, ...message } }],
    usage,
  }
}

/** A tool call whose arguments come in two parts. */
function chunks() {
  const chunk = (delta: object, finish: string | null) => ({
    ...envelope,
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  })
  const part = (text: string) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] }, null)
  const begun = { index: 0, ...weather, function: { name: 'weather', arguments: '' } }
  const opening = chunk({ role: 'assistant', content: null, tool_calls: [begun] }, null)
  return [opening, part(place.slice(0, 6)), part(place.slice(6)), chunk({}, 'tool_calls')]
}

function embeddings({ input = [], encoding_format: format }: z.output<typeof body>) {
  const data = input.map((_, index) => {
    const vector = [index, 0.5]
    const base64 = () => Buffer.from(Float32Array.from(vector).buffer).toString('base64')
    return { object: 'embedding', index, embedding: format === 'base64' ? base64() : vector }
  })
  return { object: 'list', model: 'double', data, usage: { prompt_tokens: 2, total_tokens: 2 } }
}

function sendJson(response: ServerResponse, value: object): void {
  response.setHeader('content-type', 'application/json').end(JSON.stringify(value))
}

function sendEvents(response: ServerResponse, events: readonly object[]): void {
  response.setHeader('content-type', 'text/event-stream')
  response.end([...events.map((event) => JSON.stringify(event)), '[DONE]'].map((data) => `data: ${data}\n\n`).join(''))
}
