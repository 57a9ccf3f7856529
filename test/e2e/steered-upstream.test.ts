import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { stringify } from 'yaml'
import type { Json } from '../server/toy-gateway.ts'
import { steeredDouble, steeredFolder } from '../upstream/steered-engine.ts'
import { startServer } from './server-process.ts'

const { double, url } = await steeredDouble()
double.routes = {
  ...double.routes,
  '/v1/chat/completions': (body) => ({ json: { id: 'theirs', object: 'chat.completion', echo: body } }),
}
const file = join(steeredFolder, 'trimtab.yaml')
writeFileSync(
  file,
  stringify({
    models: {
      gpu: { upstream: 'engine', name: 'base', tokenizer: 'base' },
      small: { path: 'guide', weights: 'fp32', served: false },
    },
    upstreams: { engine: { kind: 'vllm', urls: [url], health: { every_seconds: 0 } } },
    guides: { local: { kind: 'genarm', model: 'small' } },
    rewards: { brief: { kind: 'length', unit: 'characters', max: 10 } },
    policies: { gentle: { guides: [{ guide: 'local', weight: 0.5 }], speculation: { block: 4 } } },
    aliases: { 'gpu-gentle': { model: 'gpu', policy: 'gentle' } },
    engine: { memory: '64MiB', threads: 1, cache: join(steeredFolder, 'cache') },
  }),
)
const server = await startServer([], ['--config', file])
const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 })
after(async () => {
  await server.stop()
  await double.close()
})

const request = {
  model: 'gpu',
  messages: [{ role: 'user' as const, content: 'hello' }],
  max_tokens: 16,
  seed: 5,
  ignore_eos: true,
}

test('without alignment a request passes through to the engine', async () => {
  const reply: Json = await client.chat.completions.create(request)
  assert.equal(reply.id, 'theirs')
  assert.equal(reply.echo.model, 'base')
})

test('body, header and alias steer it, whole or streamed, with the same text and what it took', async () => {
  const alignment = { policy: 'gentle' }
  const whole: Json = await client.chat.completions.create({ ...request, alignment } as typeof request)
  const text = whole.choices[0].message.content
  assert.ok(text.length > 0)
  assert.equal(whole.usage.completion_tokens, 16)
  const { speculation, truncation_bound } = whole.alignment
  assert.ok(speculation.rounds >= 4 && speculation.acceptance > 0 && speculation.drafted >= 16)
  assert.ok(truncation_bound.token > 0 && truncation_bound.answer >= truncation_bound.token)
  const byHeader: Json = await client.chat.completions.create(request, { headers: { 'X-Trimtab-Alignment': 'gentle' } })
  assert.equal(byHeader.choices[0].message.content, text)
  let streamed = ''
  let last: Json
  const stream = await client.chat.completions.create({ ...request, model: 'gpu-gentle', stream: true })
  for await (const chunk of stream) {
    streamed += chunk.choices[0]?.delta.content ?? ''
    last = chunk
  }
  assert.equal(streamed, text)
  assert.equal(last.alignment.speculation.rounds, speculation.rounds)
})

test('best-of-N over the engine', async () => {
  const alignment = { best_of: { n: 3, reward: 'brief' } }
  const reply: Json = await client.chat.completions.create({ ...request, alignment } as typeof request)
  assert.equal(reply.alignment.candidates.length, 3)
})

test('an engine that fails in the middle ends the stream with an error frame, before it with a status', async () => {
  let calls = 0
  double.fault = () =>
    ++calls > 3 ? { kind: 'reply', reply: { status: 500, json: { error: { message: 'broken' } } } } : undefined
  const stream = await client.chat.completions.create({ ...request, model: 'gpu-gentle', stream: true })
  await assert.rejects(async () => {
    for await (const _ of stream) {
    }
  }, /upstream 'engine'/)
  calls = 10
  await assert.rejects(() => client.chat.completions.create({ ...request, model: 'gpu-gentle' }), { status: 502 })
  double.fault = undefined
})

test('a client that leaves stops the engine', async () => {
  double.eventMs = 50
  const alignment = { best_of: { n: 2, reward: 'brief' } }
  const gone = new AbortController()
  const running = client.chat.completions.create({ ...request, alignment } as typeof request, { signal: gone.signal })
  while (double.running < 2) await sleep(5)
  gone.abort()
  await assert.rejects(running)
  for (let wait = 0; double.running > 0 && wait < 400; wait++) await sleep(5)
  assert.equal(double.running, 0)
  double.eventMs = 0
})
