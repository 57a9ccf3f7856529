import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Sequence, SequenceRequest } from '../../src/decoding/decoder.ts'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { UpstreamError } from '../../src/decoding/upstream/http/upstream-error.ts'
import type { TokenEngine } from '../../src/decoding/upstream/token-engine.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { VllmEngine } from '../../src/decoding/upstream/vllm/vllm-engine.ts'
import { never } from '../decoding/decoder-contract.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { guidedRequest, lettersUpTo, localGuides, term, vllmOptions, wholeAbilities } from './guided-double.ts'
import { testSettings, until } from './settings.ts'
import { vllmRoutes } from './vllm-double.ts'

const size = 8
const double = new EngineDouble(
  vllmRoutes(new DoubleEngine(new Map([['base', scrambledLaw('base', size)]]), size, 2), vllmOptions),
)
const client = openUpstream(testSettings([await double.listen()]))
after(async () => {
  await client.close()
  await double.close()
})
beforeEach(() => {
  double.calls.length = 0
  double.eventMs = 0
})

const model = {
  name: 'base',
  engine: new VllmEngine(client, wholeAbilities),
  model: 'base',
  tokenizer: lettersUpTo(size),
  eosTokenIds: [2],
  contextLength: 64,
}
const decoder = new UpstreamDecoder({ upstream: new Map([['base', model]]), local: localGuides })

const request = (ahead: boolean, change: Partial<SequenceRequest['sampling']> = {}): SequenceRequest => ({
  ...guidedRequest([term('base', 1, [0, 1, 3])], { maxTokens: 12, ignoreEos: true, seed: 5n, ...change }),
  ahead,
})

async function drawn(sequence: Sequence, tokens: number) {
  const ids: number[] = []
  for await (const { draws } of decoder.advance(sequence, tokens, never)) ids.push(...draws.map(({ id }) => id))
  return ids
}

async function inSegments(of: SequenceRequest, lengths: readonly number[]) {
  const sequence = decoder.open(of)
  const ids: number[] = []
  for (const length of lengths) ids.push(...(await drawn(sequence, length)))
  decoder.release(sequence)
  return ids
}

const prompts = () => double.calls.map(({ body }) => (body as { prompt: readonly number[] }).prompt)

test('segments of an answer that goes on come from one call, as if it had been decoded at once', async () => {
  const whole = await inSegments(request(false), [12])
  double.calls.length = 0
  assert.deepEqual(await inSegments(request(true), [1, 1, 3, 5, 2]), whole)
  assert.equal(double.calls.length, 1)
})

test('an engine that was done long before the answer is read on has lost nothing', async () => {
  const whole = await inSegments(request(false, { ignoreEos: false, maxTokens: 30 }), [30])
  const sequence = decoder.open(request(true, { ignoreEos: false, maxTokens: 30 }))
  const first = await drawn(sequence, 2)
  await until(() => double.running === 0)
  const rest = await drawn(sequence, 28)
  assert.deepEqual([...first, ...rest], whole)
  assert.equal(double.calls.length, 2)
  decoder.release(sequence)
})

test('a fork goes on in a call and with a seed of its own, its parent in the call it had', async () => {
  const alone = await inSegments(request(true), [4, 8])
  double.calls.length = 0
  const parent = decoder.open(request(true))
  const first = await drawn(parent, 4)
  const child = decoder.fork(parent, 77n)
  const [parents, childs] = await Promise.all([drawn(parent, 8), drawn(child, 8)])
  assert.deepEqual([...first, ...parents], alone)
  assert.notDeepEqual(childs, parents)
  assert.deepEqual(prompts(), [
    [0, 1, 3],
    [0, 1, 3, ...first],
  ])
  for (const sequence of [parent, child]) decoder.release(sequence)
})

test('an answer that is given up between segments leaves no call behind', async () => {
  double.eventMs = 20
  const sequence = decoder.open(request(true))
  await drawn(sequence, 1)
  assert.equal(double.running, 1)
  decoder.release(sequence)
  await until(() => double.running === 0)
  assert.equal(client.inFlight, 0)
})

test('an abort within a segment ends the call', async () => {
  double.eventMs = 20
  const sequence = decoder.open(request(true))
  await drawn(sequence, 1)
  const controller = new AbortController()
  const segment = decoder.advance(sequence, 8, controller.signal)
  await segment.next()
  controller.abort(new Error('gone'))
  await assert.rejects(async () => {
    while (!(await segment.next()).done);
  }, /gone/)
  await until(() => double.running === 0)
  decoder.release(sequence)
})

test('an abort between two pieces is noticed at once, however long the engine says nothing', async () => {
  let over = false
  const engine: TokenEngine = {
    name: 'silent',
    abilities: wholeAbilities,
    draft: () => assert.fail(),
    readBlock: () => assert.fail(),
    async *stream(_request, { signal }) {
      try {
        yield { tokens: [{ id: 3, logprob: -1, top: { ids: [], logprobs: [] } }], finish: undefined }
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      } finally {
        over = true
      }
    },
  }
  const silent = new UpstreamDecoder({ upstream: new Map([['base', { ...model, engine }]]), local: localGuides })
  const sequence = silent.open(request(true))
  const controller = new AbortController()
  const segment = silent.advance(sequence, 8, controller.signal)
  assert.equal((await segment.next()).value?.draws.length, 1)
  controller.abort(new Error('gone'))
  await assert.rejects(segment.next(), /gone/)
  assert.ok(over)
  silent.release(sequence)
})

/** An engine whose calls all say token 3; its first breaks off behind `after` tokens. */
function breaking(after: number) {
  const prompts: (readonly number[])[] = []
  const engine: TokenEngine = {
    name: 'breaking',
    abilities: wholeAbilities,
    draft: () => assert.fail(),
    readBlock: () => assert.fail(),
    async *stream({ promptIds, maxTokens }) {
      const isFirst = prompts.push(promptIds) === 1
      for (let i = 1; i <= maxTokens; i++) {
        if (isFirst && i > after) throw new UpstreamError('protocol', 'breaking', 'broke off')
        const tokens = [{ id: 3, logprob: -1, top: { ids: [], logprobs: [] } }]
        yield { tokens, finish: i === maxTokens ? 'length' : undefined }
      }
    },
  }
  const broken = new UpstreamDecoder({ upstream: new Map([['base', { ...model, engine }]]), local: localGuides })
  return { broken, prompts }
}

async function drawnOf(broken: UpstreamDecoder, lengths: readonly number[]) {
  const sequence = broken.open(request(true))
  let count = 0
  for (const length of lengths)
    for await (const { draws } of broken.advance(sequence, length, never)) count += draws.length
  broken.release(sequence)
  return count
}

test('a call that breaks while nobody reads it costs nothing but another one', async () => {
  const { broken, prompts } = breaking(2)
  assert.equal(await drawnOf(broken, [2, 4, 6]), 12)
  assert.deepEqual(prompts, [
    [0, 1, 3],
    [0, 1, 3, 3, 3],
  ])
})

test('a call that breaks while it is read fails its answer', async () => {
  const { broken } = breaking(3)
  await assert.rejects(drawnOf(broken, [2, 4, 6]), /broke off/)
})

test('a signal of a segment that is over stops nothing', async () => {
  double.eventMs = 2
  const sequence = decoder.open(request(true))
  const controller = new AbortController()
  for await (const _ of decoder.advance(sequence, 2, controller.signal));
  controller.abort()
  await sleep(5)
  for await (const _ of decoder.advance(sequence, 10, never));
  assert.equal(sequence.generatedTokens, 12)
  assert.equal(double.calls.length, 1)
  decoder.release(sequence)
})

test('answers that are not said to go on cost a call for each segment, and no token more', async () => {
  await inSegments(request(false), [4, 4])
  assert.deepEqual(
    double.calls.map(({ body }) => (body as { max_tokens: number }).max_tokens),
    [4, 4],
  )
})
