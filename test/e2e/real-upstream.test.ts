import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request as send } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { exchange, passingGateway, type Sent, upstreamOf } from '../server/passing-gateway.ts'
import { until } from '../upstream/settings.ts'
import { recordingProxy } from './recording-proxy.ts'

/** A real engine, such as http://127.0.0.1:8902 of a llama-server or a vLLM; its first model is asked. */
const engine = process.env['TRIMTAB_REAL_UPSTREAM']

const messages = [{ role: 'user', content: 'Name three colours. \ud83c\udfa8' }]
const tool = {
  type: 'function',
  function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
}
const short = { max_tokens: 8, temperature: 0, seed: 1 }

const chats: Readonly<Record<string, object>> = {
  plain: {},
  streamed: { stream: true },
  'streamed, with usage': { stream: true, stream_options: { include_usage: true } },
  sampled: { temperature: 1, top_p: 0.9, top_k: 20, min_p: 0.05, repetition_penalty: 1.1 },
  'log-probabilities': { logprobs: true, top_logprobs: 5 },
  'streamed log-probabilities': { stream: true, logprobs: true, top_logprobs: 2 },
  'two choices': { n: 2, temperature: 1 },
  stop: { stop: ['e', '\n'] },
  'a system message': { messages: [{ role: 'system', content: 'Be brief.' }, ...messages] },
  tools: { tools: [tool] },
  'streamed tools': { tools: [tool], stream: true },
  JSON: { response_format: { type: 'json_object' } },
  'a schema': {
    response_format: { type: 'json_schema', json_schema: { name: 'x', schema: tool.function.parameters } },
  },
  biases: { logit_bias: { 5: -100 } },
  'unknown fields': { chat_template_kwargs: { a: 1 }, vllm_xargs: { b: 'c' }, surely_unknown: [null] },
  'no messages': { messages: [] },
  'messages of a wrong type': { messages: 'x' },
  'a wrong temperature': { temperature: 'hot' },
  'a negative limit': { max_tokens: -5 },
  'an unknown role': { messages: [{ role: 'nobody', content: 'x' }] },
  'a long text of many scripts': {
    messages: [{ role: 'user', content: '\u4f60\u597d \u043f\u0440\u0438\u0432\u0435\u0442 \ud83d\ude80 '.repeat(50) }],
  },
}

const completions: Readonly<Record<string, object>> = {
  plain: { prompt: 'Once upon' },
  streamed: { prompt: 'Once upon', stream: true },
  'token ids': { prompt: [1, 2, 3] },
  'several prompts': { prompt: ['a', 'b'] },
  'log-probabilities': { prompt: 'Once', logprobs: 3 },
  echo: { prompt: 'Once', echo: true },
  'a prompt of a wrong type': { prompt: { a: 1 } },
  nothing: { prompt: '' },
}

const others: readonly (Sent & { readonly what: string })[] = [
  { what: 'malformed JSON', body: '{"model":"MODEL","messages":[' },
  { what: 'no body', body: '' },
  { what: 'embeddings', path: '/v1/embeddings', body: '{"model":"MODEL","input":["a"]}' },
  { what: 'responses', path: '/v1/responses', body: '{"model":"MODEL","input":"Hi","max_output_tokens":4}' },
  {
    what: 'streamed responses',
    path: '/v1/responses',
    body: '{"model":"MODEL","input":"Hi","max_output_tokens":4,"stream":true}',
  },
  { what: 'rerank', path: '/v1/rerank', body: '{"model":"MODEL","query":"a","documents":["b"]}' },
  { what: 'an unknown route', method: 'GET', path: '/v1/nothing?a=b' },
  { what: 'a wrong method', method: 'GET', path: '/v1/chat/completions' },
  { what: 'HEAD', method: 'HEAD', path: '/v1/nothing' },
  { what: 'OPTIONS', method: 'OPTIONS', path: '/v1/chat/completions' },
]

const skip = engine === undefined ? 'TRIMTAB_REAL_UPSTREAM names no engine' : false

describe('passing through to a real engine', { skip }, () => {
  let recorder: Awaited<ReturnType<typeof recordingProxy>>
  let gateway: Awaited<ReturnType<typeof passingGateway>>
  let model: string
  before(async () => {
    const list = (await (await fetch(`${engine}/v1/models`)).json()) as { data: { id: string }[] }
    model = list.data[0]!.id
    recorder = await recordingProxy(engine!)
    gateway = await passingGateway({
      models: { [model]: { upstream: 'real' } },
      upstreams: { real: upstreamOf(recorder.url, { default: true, retries: { attempts: 0 } }) },
    })
  })
  after(async () => {
    await gateway?.close()
    recorder?.close()
  })

  const cases = [
    ...Object.entries(chats).map(([what, fields]) => ({
      what: `chat: ${what}`,
      fields: { messages, ...short, ...fields },
    })),
    ...Object.entries(completions).map(([what, fields]) => ({
      what: `completion: ${what}`,
      path: '/v1/completions',
      fields: { ...short, ...fields },
    })),
    ...others,
  ]
  for (const one of cases) {
    it(`${one.what} is what the engine got and said, byte for byte`, async () => {
      const sent: Sent =
        'fields' in one
          ? { ...one, body: JSON.stringify({ ...one.fields, model }, null, 1) }
          : { ...one, ...(one.body === undefined ? {} : { body: String(one.body).replace('MODEL', model) }) }
      const reply = await exchange(gateway.url, sent)
      await until(() => recorder.open() === 0)
      const recorded = recorder.records.at(-1)!
      assert.equal(recorded.requestBody.toString(), sent.body ?? '')
      assert.deepEqual(
        [reply.status, reply.body.toString('latin1'), reply.cut],
        [recorded.status, recorded.replyBody.toString('latin1'), false],
      )
      const kept = (headers: readonly string[]) =>
        headers.flatMap((name, i) =>
          i % 2 === 0 && !/^(connection|keep-alive|transfer-encoding|x-request-id|x-trimtab-.*)$/i.test(name)
            ? [`${name}: ${headers[i + 1]}`]
            : [],
        )
      assert.deepEqual(kept(reply.rawHeaders), kept(recorded.rawHeaders))
    })
  }

  for (const stream of [true, false]) {
    it(`a client that leaves ends the engine's work (stream: ${stream})`, async () => {
      const headers = { 'content-type': 'application/json' }
      const outgoing = send(`${gateway.url}/v1/chat/completions`, { method: 'POST', agent: false, headers })
      outgoing.on('error', () => undefined)
      outgoing.end(JSON.stringify({ model, messages, max_tokens: 500, ignore_eos: true, stream }))
      if (stream) {
        const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
        assert.equal(incoming.statusCode, 200)
        await once(incoming, 'data')
        incoming.on('error', () => undefined)
      } else {
        await until(() => recorder.open() === 1)
      }
      outgoing.destroy()
      await until(() => gateway.inFlight() === 0)
    })
  }
})
