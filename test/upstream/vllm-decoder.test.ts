import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { VllmEngine } from '../../src/decoding/upstream/vllm/vllm-engine.ts'
import { decoded, decoderContract, never } from '../decoding/decoder-contract.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { guidedRequest, laws, lettersUpTo, localGuides, term, vllmOptions, wholeAbilities } from './guided-double.ts'
import { testSettings } from './settings.ts'
import { vllmRoutes } from './vllm-double.ts'

const size = 8
const wide = new Map([...laws.keys()].map((name) => [name, scrambledLaw(name, size)]))
const engine = new DoubleEngine(wide, size, 2)
const double = new EngineDouble(vllmRoutes(engine, vllmOptions))
const client = openUpstream(testSettings([await double.listen()]))
after(async () => {
  await client.close()
  await double.close()
})

const tokenizer = lettersUpTo(size)
const model = {
  name: 'base',
  engine: new VllmEngine(client, wholeAbilities),
  model: 'base',
  tokenizer,
  eosTokenIds: [2],
  contextLength: 64,
}
const places = {
  upstream: new Map([
    ['base', model],
    ['lora', { ...model, name: 'lora', model: 'lora' }],
  ]),
  local: localGuides,
}
const decoder = new UpstreamDecoder(places)

const idle = async () => {
  // the server learns that a connection was closed a moment after it was
  for (let wait = 0; double.running + client.inFlight > 0 && wait < 200; wait++) await sleep(5)
  assert.deepEqual([client.inFlight, double.running], [0, 0])
}

const promptOf = (tokens: number) => Array.from({ length: tokens }, (_, i) => i % 3)

function assertHolds(body: unknown, wanted: Readonly<Record<string, unknown>>): void {
  const found = body as Record<string, unknown>
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((key) => [key, found[key]])), wanted)
}

decoderContract('vLLM, unguided', async () => ({
  decoder,
  terms: (tokens) => [term('base', 1, promptOf(tokens))],
  contextLength: 64,
  assertIdle: idle,
}))

decoderContract('vLLM, guided by an adapter', async () => ({
  // times differ from run to run; a clock that stands still leaves the lengths of blocks to acceptance alone
  decoder: new UpstreamDecoder(places, { now: () => 0 }),
  terms: (tokens) => [term('base', 1, promptOf(tokens)), term('lora', 0.5, promptOf(tokens))],
  contextLength: 64,
  assertIdle: idle,
}))

test('inner calls are by token id, at temperature 1 and unfiltered', async () => {
  double.calls.length = 0
  const sequence = decoder.open(guidedRequest([term('base', 1, [0, 1, 3])], { maxTokens: 4, ignoreEos: true }))
  await decoded(decoder, sequence, 2)
  decoder.release(sequence)
  const bodies = double.calls.map(({ body }) => body as Record<string, unknown>)
  assert.equal(bodies.length, 2)
  for (const body of bodies) assertHolds(body, { temperature: 1, top_p: 1, top_k: -1, min_p: 0, repetition_penalty: 1 })
  const [first, second] = bodies.map(({ prompt }) => prompt as number[])
  assert.deepEqual(second!.slice(0, 3), first)
  assert.equal(second!.length, 5)
  assert.notEqual(bodies[0]!['seed'], bodies[1]!['seed'])
})

test("the user's sampling without guides is the engine's to apply, on the whole vocabulary", async () => {
  double.calls.length = 0
  const sampling = {
    temperature: 0.5,
    topK: 4,
    topP: 0.9,
    minP: 0.01,
    presencePenalty: 0.25,
    logitBias: new Map([[3, -1]]),
  }
  const sequence = decoder.open(guidedRequest([term('base', 1)], sampling))
  await decoded(decoder, sequence)
  decoder.release(sequence)
  const wanted = { temperature: 0.5, top_k: 4, top_p: 0.9, min_p: 0.01, presence_penalty: 0.25, logit_bias: { 3: -1 } }
  assertHolds(double.calls[0]!.body, wanted)
})

test('log-probabilities of a law that the engine does not tell are refused, with the option that would tell them', () => {
  const request = guidedRequest([term('base', 1)], { temperature: 0.5, topLogprobs: 2 })
  assert.throws(() => decoder.open(request), /--logprobs-mode processed_logprobs/)
})

test('an answer ends once at its end-of-sequence token, which is no part of its text', async () => {
  let ended = 0
  for (let seed = 0n; seed < 12n; seed++) {
    const sequence = decoder.open(guidedRequest([term('base', 1)], { seed, maxTokens: 8 }))
    const { ids, text } = await decoded(decoder, sequence)
    assert.ok(!ids.includes(2) && !text.includes('c'))
    if (sequence.finishReason === 'stop') {
      ended++
      assert.equal(sequence.endDraw?.id, 2)
      assert.equal(sequence.generatedTokens, ids.length + 1)
    }
    decoder.release(sequence)
  }
  assert.ok(ended > 0)
})

test('tokens stream as the engine sends them', async () => {
  double.eventMs = 30
  const sequence = decoder.open(guidedRequest([term('base', 1)], { maxTokens: 6, ignoreEos: true }))
  let running = 0
  for await (const _ of decoder.advance(sequence, 6, never)) running += double.running
  double.eventMs = 0
  decoder.release(sequence)
  assert.ok(running >= 5, `the engine was still at work at ${running} of 6 tokens`)
})
