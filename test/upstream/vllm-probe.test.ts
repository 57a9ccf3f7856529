import assert from 'node:assert/strict'
import { after, afterEach, test } from 'node:test'
import { abilityLines, guidanceProblems, type ProbeSubject } from '../../src/decoding/upstream/engine-probe.ts'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { probeVllm, vllmIdentity } from '../../src/decoding/upstream/vllm/vllm-probe.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { laws, letters, vllmOptions } from './guided-double.ts'
import { testSettings } from './settings.ts'
import { idsOf, rendered, type VllmOptions, vllmRoutes } from './vllm-double.ts'

const size = 8
const engine = new DoubleEngine(new Map([...laws.keys()].map((name) => [name, scrambledLaw(name, size)])), size, 2)
const double = new EngineDouble({})
const client = openUpstream(testSettings([await double.listen()]))
const signal = new AbortController().signal

after(async () => {
  await client.close()
  await double.close()
})
afterEach(() => {
  double.fault = undefined
})

const subject: ProbeSubject = {
  model: 'base',
  tokenizer: { ...letters, size, encode: (text) => idsOf(text, size) },
  chatTemplate: { render: rendered },
}

const encode = (text: string) => idsOf(text, size)

function probe(options: Partial<VllmOptions> = {}, change: Partial<ProbeSubject> = {}) {
  double.routes = vllmRoutes(engine, { ...vllmOptions, encode, ...options })
  return probeVllm(client, { ...subject, ...change }, signal)
}

test('a server without limits', async () => {
  const result = await probe()
  assert.deepEqual(result.abilities, {
    mostTop: Number.POSITIVE_INFINITY,
    logprobs: 'raw',
    tokenIds: true,
    chosenLogprobs: true,
    several: true,
    batches: true,
    models: ['base', 'lora', 'other'],
    contextLength: 64,
    guides: [],
    distinctLogits: false,
  })
  assert.deepEqual(guidanceProblems(result), [])
  assert.match(abilityLines(result).join('\n'), /log-probabilities per token +whole vocabulary\n/)
})

test("vLLM's default cap, processed log-probabilities, no ids of our choosing", async () => {
  const { abilities } = await probe({ maxLogprobs: 20, logprobsMode: 'processed_logprobs', chosen: false })
  assert.equal(abilities.mostTop, 20)
  assert.equal(abilities.logprobs, 'processed')
  assert.equal(abilities.chosenLogprobs, false)
})

test('a server without log-probabilities is no base for guides, and the option that would help is named', async () => {
  const result = await probe({ maxLogprobs: 0 })
  assert.deepEqual([result.abilities.mostTop, result.abilities.logprobs], [0, undefined])
  assert.match(guidanceProblems(result).join(), /--max-logprobs 64/)
})

test('a server that gives no token ids', async () => {
  double.fault = () => ({ kind: 'change', change: withoutIds })
  const result = await probe()
  assert.equal(result.abilities.tokenIds, false)
  assert.match(guidanceProblems(result).join(), /token ids/)
})

function withoutIds(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json, (key, value) => (key === 'token_ids' ? undefined : value)))
}

test('another tokenizer and another chat template are found out', async () => {
  const other = { ...subject.tokenizer, encode: (text: string) => idsOf(text, size).reverse() }
  assert.match((await probe({}, { tokenizer: other })).problems.join(), /tokenises "Hello, world! 12345" as/)
  const template = { render: () => 'something else' }
  assert.match((await probe({}, { chatTemplate: template })).problems.join(), /chat template/)
})

test('a model that is not served is an error that names those that are', async () => {
  await assert.rejects(() => probe({}, { model: 'absent' }), /serves no model 'absent' \(it has base, lora, other\)/)
})

test('another checkpoint under the same name has another identity', async () => {
  const first = (await probe()).identity
  assert.equal(await vllmIdentity(client, 'base', signal), first)
  double.routes = vllmRoutes(engine, { ...vllmOptions, root: '/models/other' })
  assert.notEqual(await vllmIdentity(client, 'base', signal), first)
})
