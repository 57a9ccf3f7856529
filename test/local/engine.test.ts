import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  ContextLengthError,
  InvalidRequestError,
  OverloadedError,
  UnknownModelError,
} from '../../src/decoding/errors.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import { tinyConfig } from '../checkpoint/fixtures.ts'
import { decode, toyEngine, toyPrompt, toyRequest } from './toy-engine.ts'

const engine = await toyEngine()
after(() => engine.close())

const signal = new AbortController().signal
const blocksAreBack = (subject: LocalEngine) => {
  const { blocks, running, waiting } = subject.stats()
  assert.deepEqual(
    { live: blocks.live, reserved: blocks.reserved, running, waiting },
    { live: 0, reserved: 0, running: 0, waiting: 0 },
  )
}

test('the same seed gives the same answer, another seed another', async () => {
  const [first, again, other] = await Promise.all(
    [3n, 3n, 4n].map((seed) => decode(engine, toyRequest(toyPrompt(20), { seed }))),
  )
  assert.deepEqual(first, again)
  assert.notDeepEqual(first!.ids, other!.ids)
})

test('a cached prompt gives the same bits as a fresh one', async () => {
  const request = toyRequest(toyPrompt(150, 5))
  const fresh = await decode(engine, request)
  const cached = await decode(engine, request)
  assert.equal(fresh.cachedTokens, 0)
  assert.equal(cached.cachedTokens, 128)
  assert.deepEqual(cached.logprobs, fresh.logprobs)
})

test('a prompt of one token is decoded without prefill', async () => {
  const answer = await decode(engine, toyRequest([50]))
  assert.equal(answer.ids.length, 16)
})

test('an answer ends at max tokens, at a stop string and at a stop token', async () => {
  const free = await decode(engine, toyRequest(toyPrompt(10), { temperature: 0, maxTokens: 12 }))
  assert.equal(free.finishReason, 'length')
  const stop = free.text.slice(3, 5)
  const cut = await decode(engine, toyRequest(toyPrompt(10), { temperature: 0, maxTokens: 12, stop: [stop] }))
  assert.equal(cut.finishReason, 'stop')
  assert.equal(cut.text, free.text.slice(0, free.text.indexOf(stop)))
  const ended = await decode(
    engine,
    toyRequest(toyPrompt(10), { temperature: 0, maxTokens: 12, stopTokenIds: [free.ids[2]!] }),
  )
  assert.deepEqual(ended.ids, free.ids.slice(0, free.ids.indexOf(free.ids[2]!)))
  assert.equal(ended.finishReason, 'stop')
})

test('a fork goes on with its own random stream and leaves its parent as it was', async () => {
  const alone = await decode(engine, toyRequest(toyPrompt(70), { seed: 9n }))
  const parent = engine.open({ ...toyRequest(toyPrompt(70), { seed: 9n }), forks: 1 })
  const ids: number[] = []
  for await (const delta of engine.advance(parent, 5, signal)) ids.push(...delta.draws.map((draw) => draw.id))
  const twin = engine.fork(parent, 9n)
  const other = engine.fork(parent, 10n)
  const rest = async (sequence: typeof parent) => {
    const found: number[] = []
    for await (const delta of engine.advance(sequence, 100, signal)) found.push(...delta.draws.map((draw) => draw.id))
    return found
  }
  const [own, twins, others] = await Promise.all([rest(parent), rest(twin), rest(other)])
  assert.deepEqual([...ids, ...own], alone.ids)
  assert.deepEqual(twins, own)
  assert.notDeepEqual(others, own)
  for (const sequence of [parent, twin, other]) engine.release(sequence)
  blocksAreBack(engine)
})

test('an abort ends the reader within one step and a release frees every block', async () => {
  const controller = new AbortController()
  const sequence = engine.open(toyRequest(toyPrompt(30), { maxTokens: 200 }))
  let drawn = 0
  await assert.rejects(async () => {
    for await (const delta of engine.advance(sequence, 200, controller.signal)) {
      drawn += delta.draws.length
      if (drawn >= 3) controller.abort(new Error('gone'))
    }
  }, /gone/)
  assert.ok(drawn <= 5)
  engine.release(sequence)
  engine.release(sequence)
  await new Promise((resolve) => setTimeout(resolve, 20))
  blocksAreBack(engine)
})

test('requests beyond the running limit wait, beyond the queue they are refused', async () => {
  const small = await toyEngine({ engine: { maxRunning: 1, maxWaiting: 1 } })
  const running = small.open(toyRequest(toyPrompt(5)))
  const waiting = decode(small, toyRequest(toyPrompt(6)))
  assert.throws(() => small.open(toyRequest(toyPrompt(7))), OverloadedError)
  small.release(running)
  assert.equal((await waiting).ids.length, 16)
  blocksAreBack(small)
  await small.close()
})

test('a request waits until the memory it may need is free, and old prompts make room', async () => {
  // room for four blocks of 64 tokens beside the zero block
  const bytes = 5 * 2 * 2 * 2 * 8 * 64 * 4
  const small = await toyEngine({ engine: { memoryBytes: bytes } })
  const answers = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((seed) => decode(small, toyRequest(toyPrompt(100, seed), { maxTokens: 60 }))),
  )
  const again = await decode(small, toyRequest(toyPrompt(100, 3), { maxTokens: 60 }))
  assert.deepEqual(again.ids, answers[2]!.ids)
  assert.throws(() => small.open({ ...toyRequest(toyPrompt(100), { maxTokens: 60 }), forks: 2 }), InvalidRequestError)
  blocksAreBack(small)
  await small.close()
})

test('what cannot be decoded is refused by name', () => {
  assert.throws(() => engine.open(toyRequest(toyPrompt(200), { maxTokens: 100 })), ContextLengthError)
  assert.throws(() => engine.open(toyRequest([])), InvalidRequestError)
  assert.throws(() => engine.open(toyRequest([100000])), InvalidRequestError)
  const request = toyRequest([50])
  assert.throws(() => engine.open({ ...request, terms: [{ ...request.terms[0]!, model: 'other' }] }), UnknownModelError)
})

test('two terms of one context are one term with the summed coefficient', async () => {
  const request = toyRequest(toyPrompt(12), { temperature: 0.7, seed: 8n })
  const term = request.terms[0]!
  const split = {
    ...request,
    terms: [
      { ...term, coefficient: 0.25 },
      { ...term, coefficient: 0.75 },
    ],
  }
  const [one, two] = await Promise.all([decode(engine, request), decode(engine, split)])
  assert.deepEqual(two.ids, one.ids)
  for (const [i, logprob] of two.logprobs.entries()) assert.ok(Math.abs(logprob - one.logprobs[i]!) < 1e-5)
})

test('the whole row and the most likely tokens give the same law', async () => {
  const request = toyRequest(toyPrompt(12), { seed: 21n, topLogprobs: 5 })
  const biased = toyRequest(toyPrompt(12), { seed: 21n, topLogprobs: 5, logitBias: new Map([[0, 0]]) })
  const [fast, whole] = await Promise.all([decode(engine, request), decode(engine, biased)])
  assert.deepEqual(whole.ids, fast.ids)
  for (const [i, logprob] of whole.logprobs.entries()) assert.ok(Math.abs(logprob - fast.logprobs[i]!) < 1e-4)
})

test('the first text comes with the first step after prefill, while others are still prefilling', async () => {
  const sequence = engine.open(toyRequest(toyPrompt(40, 3), { maxTokens: 4 }))
  for await (const _ of engine.advance(sequence, 0, signal));
  const other = decode(engine, toyRequest(toyPrompt(240, 4)))
  const { steps } = engine.stats()
  for await (const delta of engine.advance(sequence, 4, signal)) {
    assert.ok(delta.draws.length > 0)
    assert.ok(engine.stats().steps - steps <= 2)
    break
  }
  engine.release(sequence)
  await other
})

test('sequences of all requests share their steps', async () => {
  const { steps, decodedRows } = engine.stats()
  await Promise.all([1, 2, 3, 4].map((seed) => decode(engine, toyRequest(toyPrompt(8, seed), { maxTokens: 10 }))))
  assert.equal(engine.stats().decodedRows - decodedRows, 40)
  assert.ok(engine.stats().steps - steps <= 12)
})

test('a request with more choices than rows of a step shares its own turns and never delays another request', async () => {
  const small = await toyEngine({ engine: { maxRunning: 4 } })
  const many = small.open({ ...toyRequest(toyPrompt(8), { maxTokens: 6 }), forks: 7 })
  for await (const _ of small.advance(many, 0, signal));
  const family = [many, ...Array.from({ length: 7 }, (_, i) => small.fork(many, BigInt(i)))]
  const single = small.open(toyRequest(toyPrompt(9, 2), { maxTokens: 6 }))
  for await (const _ of small.advance(single, 0, signal));
  const before = small.stats()
  let stepsOfSingle = 0
  const run = async (sequence: (typeof family)[number]) => {
    for await (const _ of small.advance(sequence, 6, signal));
    if (sequence === single) stepsOfSingle = small.stats().steps - before.steps
  }
  await Promise.all([...family, single].map(run))
  assert.ok(stepsOfSingle <= 8, `the single answer took ${stepsOfSingle} steps`)
  assert.ok(small.stats().decodedRows - before.decodedRows <= 4 * (small.stats().steps - before.steps))
  assert.equal(new Set(family.map((sequence) => sequence.generatedTokens)).size, 1)
  for (const sequence of [...family, single]) small.release(sequence)
  await small.close()
})

test('a model with one attention head gives a request the same bits alone and among longer ones', async () => {
  const config = tinyConfig({ num_attention_heads: 1, num_key_value_heads: 1, head_dim: 32 })
  const single = await toyEngine({ config })
  const request = toyRequest(toyPrompt(30), { topLogprobs: 2 })
  const alone = await decode(single, request)
  const longer = [70, 150].map((length) => decode(single, toyRequest(toyPrompt(length, length))))
  const [among] = await Promise.all([decode(single, request), ...longer])
  assert.deepEqual(among, { ...alone, cachedTokens: among.cachedTokens })
  await single.close()
})

test('forks that come and go, as resampling makes them, never need more than the places kept for them', async () => {
  const small = await toyEngine({ engine: { memoryBytes: 2 ** 20 } })
  const maxTokens = 120
  const root = small.open({ ...toyRequest(toyPrompt(30), { maxTokens }), forks: 3 })
  for await (const _ of small.advance(root, 0, signal));
  let population = [root, ...[1n, 2n, 3n].map((seed) => small.fork(root, seed))]
  const start = small.stats().blocks
  for (let round = 0; round < 14; round++) {
    for (const sequence of population) for await (const _ of small.advance(sequence, 8, signal));
    const { live, reserved } = small.stats().blocks
    assert.ok(live + reserved <= start.live + start.reserved, `round ${round}: ${live} + ${reserved}`)
    const kept = population[round % 4]!
    for (const sequence of population) if (sequence !== kept) small.release(sequence)
    population = [kept, ...[1, 2, 3].map((i) => small.fork(kept, BigInt(100 * round + i)))]
  }
  for (const sequence of population) small.release(sequence)
  assert.deepEqual({ ...small.stats().blocks, total: 0, cached: 0 }, { total: 0, live: 0, cached: 0, reserved: 0 })
  await small.close()
})

test('forks that come and go while others are being decoded find the places of those that were given up', async () => {
  // 18 blocks of 64 tokens for the family, 4 for the other request, and the zero block: none to spare
  const small = await toyEngine({ engine: { memoryBytes: 23 * 2 * 2 * 2 * 8 * 64 * 4 } })
  const other = decode(small, toyRequest(toyPrompt(5), { maxTokens: 240 }))
  const root = small.open({ ...toyRequest(toyPrompt(30), { maxTokens: 120 }), forks: 3 })
  for await (const _ of small.advance(root, 0, signal));
  let population = [root, ...[1n, 2n, 3n].map((seed) => small.fork(root, seed))]
  for (let round = 0; round < 40; round++) {
    for (const sequence of population) for await (const _ of small.advance(sequence, 1, signal));
    // as after a reward that takes its time: by now the other request is in the middle of a step
    await nextTurn()
    const kept = population[round % 4]!
    for (const sequence of population) if (sequence !== kept) small.release(sequence)
    population = [kept, ...[1, 2, 3].map((i) => small.fork(kept, BigInt(100 * round + i)))]
  }
  for (const sequence of population) small.release(sequence)
  await other
  blocksAreBack(small)
  await small.close()
})
