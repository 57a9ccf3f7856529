import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { SglangEngine } from '../../src/decoding/upstream/sglang/sglang-engine.ts'
import { probeSglang, sglangIdentity } from '../../src/decoding/upstream/sglang/sglang-probe.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { decoded, decoderContract } from '../decoding/decoder-contract.ts'
import type { Chance } from '../laws/enumeration.ts'
import { DoubleClient } from './double-client.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import {
  eos,
  guidedRequest,
  laws,
  letters,
  lettersUpTo,
  localGuides,
  term,
  vocabSize,
  wholeAbilities,
} from './guided-double.ts'
import { testSettings } from './settings.ts'
import { sglangRoutes } from './sglang-double.ts'
import { assertLaw, targetLaw } from './target-laws.ts'
import { idsOf, rendered } from './vllm-double.ts'

const options = { incremental: false, encode: (text: string) => idsOf(text, 8), render: rendered }

function enumeratedSglang(chance: Chance) {
  const engine = new DoubleEngine(laws, vocabSize, eos)
  engine.chance = chance
  const sglang = new SglangEngine(
    new DoubleClient(new EngineDouble(sglangRoutes(engine, options))),
    wholeAbilities,
    vocabSize,
  )
  const model = {
    name: 'base',
    engine: sglang,
    model: 'base',
    tokenizer: letters,
    eosTokenIds: [eos],
    contextLength: 64,
  }
  const upstream = new Map([
    ['base', model],
    ['lora', { ...model, name: 'lora', model: 'lora' }],
  ])
  return new UpstreamDecoder({ upstream, local: localGuides }, { chanceOf: () => chance, now: () => 0 })
}

test('SGLang: options A and C, several drafts, an adapter, a principle, temperature 0', async () => {
  const local = [term('base', 1), term('guide', 0.8)]
  for (const block of [1, 2, 3])
    await assertLaw(guidedRequest(local, {}, { block }), targetLaw(local, 2), enumeratedSglang)
  await assertLaw(guidedRequest(local, { maxTokens: 2 }, { exact: true }), targetLaw(local, 3), enumeratedSglang)
  await assertLaw(guidedRequest(local, { maxTokens: 2 }, { drafts: 2 }), targetLaw(local, 2), enumeratedSglang)
  const remote = [term('base', 0.5), term('lora', 0.4, [1]), term('base', 0.6, [1, 0])]
  await assertLaw(guidedRequest(remote, { maxTokens: 2 }), targetLaw(remote, 2, 2), enumeratedSglang)
  const exact = [term('base', 1), term('lora', 0.7)]
  await assertLaw(guidedRequest(exact, { maxTokens: 2 }, { exact: true }), targetLaw(exact, 3), enumeratedSglang)
  const target = targetLaw(local, 3)
  const best = (answer: readonly number[]) => target(answer).map((q, _, law) => (q === Math.max(...law) ? 1 : 0))
  await assertLaw(guidedRequest(local, { temperature: 0 }, { top: 1 }), best, enumeratedSglang)
})

test('SGLang, unguided: the law of its own tokens', async () => {
  const plain = [term('base', 1)]
  await assertLaw(guidedRequest(plain), targetLaw(plain, 3), enumeratedSglang)
})

const size = 8
const served = new DoubleEngine(new Map([...laws.keys()].map((name) => [name, scrambledLaw(name, size)])), size, 2)
const double = new EngineDouble(sglangRoutes(served, options))
const client = openUpstream(testSettings([await double.listen()], { kind: 'sglang' }))
after(async () => {
  await client.close()
  await double.close()
})
const tokenizer = lettersUpTo(size)
const engine = new SglangEngine(client, wholeAbilities, size)
const model = { name: 'base', engine, model: 'base', tokenizer, eosTokenIds: [2], contextLength: 64 }
const upstream = new Map([
  ['base', model],
  ['lora', { ...model, name: 'lora', model: 'lora' }],
])
const promptOf = (tokens: number) => Array.from({ length: tokens }, (_, i) => i % 3)
const decoder = () => new UpstreamDecoder({ upstream, local: undefined }, { now: () => 0 })

for (const guided of [false, true])
  decoderContract(`SGLang, ${guided ? 'guided by an adapter' : 'unguided'}`, async () => ({
    decoder: decoder(),
    terms: (tokens) => [term('base', 1, promptOf(tokens)), ...(guided ? [term('lora', 0.5, promptOf(tokens))] : [])],
    contextLength: 64,
    async assertIdle() {
      for (let wait = 0; double.running + client.inFlight > 0 && wait < 200; wait++) await sleep(5)
      assert.deepEqual([double.running, client.inFlight], [0, 0])
    },
  }))

test('SGLang streams the same tokens whether pieces are cumulative or not', async () => {
  const ids = []
  for (const incremental of [false, true]) {
    double.routes = sglangRoutes(served, { ...options, incremental })
    const subject = decoder()
    const sequence = subject.open(guidedRequest([term('base', 1)], { maxTokens: 9, topLogprobs: 2 }))
    ids.push(await decoded(subject, sequence))
    subject.release(sequence)
  }
  assert.deepEqual(ids[0], ids[1])
  double.routes = sglangRoutes(served, options)
})

test('SGLang: the probe tells its models, its context and whether the tokenizer is the same', async () => {
  const { signal } = new AbortController()
  const subject = { model: 'base', tokenizer, chatTemplate: { render: rendered } }
  const result = await probeSglang(client, subject, signal)
  assert.deepEqual([result.problems, result.abilities], [[], { ...wholeAbilities, distinctLogits: false }])
  assert.equal(await sglangIdentity(client, 'base', signal), result.identity)
  const other = { ...tokenizer, encode: (text: string) => idsOf(text, size).reverse() }
  assert.match((await probeSglang(client, { ...subject, tokenizer: other }, signal)).problems.join(), /tokenises/)
  await assert.rejects(() => probeSglang(client, { ...subject, model: 'absent' }, signal), /serves no model 'absent'/)
})
