import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ContextLengthError, InvalidRequestError, OverloadedError } from '../../src/decoding/errors.ts'
import { decode, toyEngine, toyPrompt, toyRequest } from '../local/toy-engine.ts'

const engine = await toyEngine()
after(() => engine.close())
const never = new AbortController().signal
const term = (promptIds: readonly number[]) => ({ model: 'toy', adapter: undefined, promptIds })

function noBlocksLeft(subject = engine) {
  const { blocks, running, waiting } = subject.stats()
  assert.deepEqual([blocks.live, blocks.reserved, running, waiting], [0, 0, 0, 0])
}

/** Largest difference between two lists of the same length. */
function distance(one: ArrayLike<number>, other: ArrayLike<number>): number {
  assert.equal(one.length, other.length)
  return Math.max(...Array.from(one, (value, i) => Math.abs(value - other[i]!)))
}

for (const [promptLength, answerLength] of [
  [1, 1],
  [1, 70],
  [64, 64],
  [65, 63],
  [150, 40],
  [33, 90],
] as const)
  test(`${answerLength} tokens behind ${promptLength} have the log-probabilities they were drawn with`, async () => {
    const promptIds = toyPrompt(promptLength, 3)
    const drawn = await decode(engine, toyRequest(promptIds, { maxTokens: answerLength, seed: 11n }))
    const logprobs = await engine.tokenLogprobs(term(promptIds), drawn.ids, never)
    assert.ok(distance(logprobs, drawn.logprobs) <= 1e-4, `${distance(logprobs, drawn.logprobs)}`)
    noBlocksLeft()
  })

test('what is scored while others decode is what is scored alone, and theirs is untouched', async () => {
  const promptIds = toyPrompt(90, 4)
  const ids = toyPrompt(80, 5)
  const alone = await engine.tokenLogprobs(term(promptIds), ids, never)
  const answer = await decode(engine, toyRequest(toyPrompt(70, 6), { maxTokens: 30 }))
  const [busy, again, ...scored] = await Promise.all([
    decode(engine, toyRequest(toyPrompt(70, 6), { maxTokens: 30 })),
    decode(engine, toyRequest(toyPrompt(70, 6), { maxTokens: 30 })),
    ...[1, 2, 3].map(() => engine.tokenLogprobs(term(promptIds), ids, never)),
  ])
  assert.deepEqual(busy.ids, answer.ids)
  assert.deepEqual(again.ids, answer.ids)
  for (const logprobs of scored) assert.deepEqual(logprobs, alone)
  noBlocksLeft()
})

test('texts that are scored together take few passes, and each gets the bits it gets alone', async () => {
  const texts = Array.from({ length: 8 }, (_, i) => ({
    promptIds: toyPrompt(20 + 9 * i, i),
    // two lengths, and prompts that end at different places of a chunk
    ids: toyPrompt(i < 6 ? 12 : 50, 20 + i),
  }))
  const score = ({ promptIds, ids }: (typeof texts)[number]) => engine.tokenLogprobs(term(promptIds), ids, never)
  const alone = []
  for (const text of texts) alone.push(await score(text))
  const before = engine.stats().steps
  const together = await Promise.all(texts.map(score))
  assert.deepEqual(together, alone)
  assert.ok(engine.stats().steps - before < texts.length, 'one call at a time')
  noBlocksLeft()
})

test('calls that memory has no room for wait behind the first', async () => {
  const small = await toyEngine({ engine: { memoryBytes: 2 ** 20 } })
  const ids = toyPrompt(100, 3)
  const ask = (i: number) => small.tokenLogprobs(term(toyPrompt(90, i)), ids, never)
  const first = await ask(0)
  // 190 tokens take six blocks each
  const { total } = small.stats().blocks
  assert.ok(total < 6 * 24, `${total} blocks`)
  const all = await Promise.all(Array.from({ length: 24 }, (_, i) => ask(i)))
  assert.deepEqual(all[0], first)
  noBlocksLeft(small)
  await small.close()
})

test('no tokens have no log-probabilities', async () => {
  assert.equal((await engine.tokenLogprobs(term([50]), [], never)).length, 0)
})

test('an abort before and during the work rejects with its reason and leaves no block', async () => {
  const gone = new Error('gone')
  await assert.rejects(engine.tokenLogprobs(term([50]), [51], AbortSignal.abort(gone)), gone)
  const controller = new AbortController()
  const scoring = engine.tokenLogprobs(term(toyPrompt(60)), toyPrompt(190), controller.signal)
  const behind = engine.tokenLogprobs(term(toyPrompt(10)), toyPrompt(10), never)
  while (engine.stats().blocks.live === 0) await nextTurn()
  controller.abort(gone)
  await assert.rejects(scoring, gone)
  assert.equal((await behind).length, 10)
  noBlocksLeft()
})

test('what can never fit is refused with the numbers', async () => {
  await assert.rejects(engine.tokenLogprobs(term(toyPrompt(200)), toyPrompt(5000), never), ContextLengthError)
  await assert.rejects(engine.tokenLogprobs(term([50]), [1_000_000], never), InvalidRequestError)
})

test('a full memory is an overload before anything starts; with room again it works', async () => {
  const small = await toyEngine({ engine: { memoryBytes: 4 * 2 ** 20 } })
  const { total } = small.stats().blocks
  const limit = small.models.get('toy')!.contextLength
  const held = []
  for (let left = total; left > 0; left -= Math.min(left, limit / 64)) {
    const maxTokens = Math.min(left * 64, limit) - 1
    held.push(small.open(toyRequest([50], { maxTokens })))
  }
  assert.equal(small.stats().blocks.reserved, total)
  await assert.rejects(small.tokenLogprobs(term([50]), [51], never), OverloadedError)
  for (const sequence of held) small.release(sequence)
  assert.equal((await small.tokenLogprobs(term([50]), [51], never)).length, 1)
  noBlocksLeft(small)
  await small.close()
})

test('calls that wait when the engine closes are told', async () => {
  const closing = await toyEngine({ engine: { prefillBudget: 64 } })
  const scoring = closing.tokenLogprobs(term(toyPrompt(60)), toyPrompt(190), never)
  const told = assert.rejects(scoring, /closed/)
  await closing.close()
  await told
  await assert.rejects(closing.tokenLogprobs(term([50]), [51], never), /closed/)
})
