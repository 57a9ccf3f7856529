import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkUpstreams } from '../../src/server/check-upstreams.ts'
import { PolicyPromiseError } from '../../src/server/policy-promises.ts'
import { cutStream, eventStreamHead, sayJson } from './fake-upstream.ts'
import { chunkOf, openaiDouble } from './openai-double.ts'
import { until } from './settings.ts'
import { openSteered, run, steeredConfig, steeredFolder, steeredRequest } from './steered-engine.ts'

const double = await openaiDouble()
const upstreams = (url: string) => ({
  engine: { kind: 'openai', urls: [url], health: { every_seconds: 0 }, breaker: { failures: 1000 } },
})
const models = { gpu: { upstream: 'engine', name: 'base', tokenizer: join(steeredFolder, 'base') } }
const configOf = (change: object = {}, url = double.url) =>
  steeredConfig(url, { models, upstreams: upstreams(url), guides: { kind: { principle: 'Be kind.' } }, ...change })
const engine = await openSteered(configOf())
after(async () => {
  await engine.close()
  await double.server.close()
})

const plain = { ignoreEos: false }

test('an answer goes on from its own text, with the sampling of the request', async () => {
  double.asked.length = 0
  const particles = { n: 4, reward: 'brief', resample_every: 4, resampler: 'multinomial', ess_threshold: 2 }
  const { text, alignment } = await run(
    engine,
    steeredRequest({ particles }, { ...plain, temperature: 0.7, topP: 0.9 }),
  )
  assert.ok(text.length > 0)
  const report = alignment!.outcomes![0]!.particles!
  assert.ok(report.steps.length >= 2)
  const prompts = double.asked.map(({ prompt }) => prompt)
  const [first] = prompts
  assert.ok(first!.includes('hello'), first)
  assert.ok(prompts.every((prompt) => prompt.startsWith(first!)))
  assert.ok(prompts.some((prompt) => prompt.length > first!.length))
  for (const { temperature, top_p } of double.asked) assert.deepEqual([temperature, top_p], [0.7, 0.9])
  // no two calls of a request share a seed, or particles would say the same
  assert.equal(new Set(double.asked.map(({ seed }) => seed)).size, double.asked.length)
  assert.equal(alignment!.tokens.returned, 12)
})

test('best-of-N with pruning, and search, work on text too; the same seed gives the same', async () => {
  for (const alignment of [
    { best_of: { n: 4, reward: 'brief', prune: { keep: 0.5, at: [4] } } },
    { search: { method: 'beam', reward: 'brief', width: 2, branch: 2, at: 'tokens', step_tokens: 4 } },
  ]) {
    const once = await run(engine, steeredRequest(alignment, plain))
    assert.ok(once.text.length > 0)
    assert.equal((await run(engine, steeredRequest(alignment, plain))).text, once.text)
  }
})

test("the server's end is the answer's end", async () => {
  const short = await openaiDouble({ finishAfter: 3 })
  const other = await openSteered(configOf({}, short.url))
  const { events } = await run(other, steeredRequest({ best_of: { n: 2, reward: 'brief' } }, plain))
  const end = events.find((event) => event.type === 'choice-end')
  assert.ok(end?.type === 'choice-end' && end.finishReason === 'stop')
  assert.equal(short.asked.length, 2)
  await other.close()
  await short.server.close()
})

const aligned = { best_of: { n: 2, reward: 'brief' } }

for (const [what, alignment, sampling, param] of [
  ['guides', { guides: [{ principle: 'Be kind.' }] }, {}, 'alignment'],
  ['a trace', { ...aligned, trace: true }, { trace: true }, 'alignment.trace'],
  ['log-probabilities', aligned, { topLogprobs: 0 }, 'logprobs'],
  ['top_k', aligned, { topK: 4 }, 'top_k'],
  ['a bias', aligned, { logitBias: new Map([[5, 1]]) }, 'logit_bias'],
  ['penalties', aligned, { presencePenalty: 1 }, 'presence_penalty'],
] as const)
  test(`${what}: refused with the remedy, before anything is asked`, async () => {
    double.asked.length = 0
    await assert.rejects(run(engine, steeredRequest(alignment, { ...plain, ...sampling })), (error) => {
      assert.ok(error instanceof Error && 'param' in error)
      assert.equal(error.param, param)
      assert.match(error.message, /vLLM, SGLang or llama-server/)
      return true
    })
    assert.equal(double.asked.length, 0)
  })

test('a policy that needs tokens is refused when the engine loads, one that does not is kept', async () => {
  const policies = { tilted: { guides: [{ guide: 'kind', weight: 1 }] }, chosen: aligned }
  await assert.rejects(
    openSteered(configOf({ policies, aliases: { a: { model: 'gpu', policy: 'tilted' } } })),
    (error) =>
      error instanceof PolicyPromiseError &&
      /'a' cannot be served over 'gpu': Guides need tokens.*vLLM/.test(error.message),
  )
  const kept = await openSteered(configOf({ policies, aliases: { a: { model: 'gpu', policy: 'chosen' } } }))
  await kept.close()
})

test('trimtab check says what is possible', async () => {
  const lines = (await checkUpstreams(configOf())).join('\n')
  assert.match(lines, /can be steered: as text: best_of, particles and search, no guides/)
  double.route(sayJson(404, {}))
  assert.match((await checkUpstreams(configOf())).join('\n'), /NO, it continues no text of this model .*whole replies/)
  double.stream(undefined)
})

const faults = {
  'a stream that breaks off': [cutStream(chunkOf('hello')), /broke off/],
  'a stream that ends without saying why': [cutless(chunkOf('hello')), /without saying why/],
  'a filter': [cutless(chunkOf('hello'), chunkOf('', 'content_filter')), /reason 'content_filter'/],
  'a chunk that is no JSON': [cutless('data: {"choices"\n\n'), /no chunk of a completion/],
  'a chunk of another shape': [cutless('data: {"error":{"message":"oom"}}\n\n'), /no chunk of a completion/],
  'status 500': [sayJson(500, {}), /answered 500/],
} as const

function cutless(...pieces: readonly string[]) {
  return (_request: unknown, response: ServerResponse) => {
    response.writeHead(200, eventStreamHead)
    response.end(pieces.join(''))
  }
}

for (const [fault, [answer, message]] of Object.entries(faults))
  test(`${fault}: an error, and nothing runs on`, async () => {
    double.stream(answer)
    await assert.rejects(run(engine, steeredRequest(aligned, plain)), message)
    await until(() => double.server.open === 0)
    double.stream(undefined)
  })
