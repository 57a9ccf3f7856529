import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PartialAnswer } from '../../src/guidance/partial-answer.ts'
import { searchBudget, searchOptions } from '../../src/guidance/search-options.ts'
import { drawSteps, TokenBudget } from '../../src/guidance/token-budget.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { never, toyRequest } from './strategy-contract.ts'

function opened(seeds: readonly bigint[], decoder = new ToyDecoder(scrambled, 2)) {
  return seeds.map(
    (seed) => new PartialAnswer(decoder, decoder.open(toyRequest({ seed, ignoreEos: true, maxTokens: 50 }))),
  )
}

test('shares add up to what is left, and differ by one at most', () => {
  for (const [limit, count] of [
    [7, 3],
    [6, 3],
    [2, 5],
    [0, 2],
  ] as const) {
    const shares = new TokenBudget(limit).shares(count)
    assert.equal(
      shares.reduce((sum, share) => sum + share),
      limit,
    )
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1)
  }
  assert.deepEqual(new TokenBudget(undefined).shares(2), [Infinity, Infinity])
  assert.throws(() => new TokenBudget(2).spend(3), /3 tokens were drawn/)
})

test('a step ends after its tokens, at a sentence, or at the delimiter, but never later than its limit', async () => {
  const lengths = async (options: Parameters<typeof drawSteps>[1]) => {
    const answers = opened([1n, 2n, 3n, 4n])
    await drawSteps(answers, options, new TokenBudget(undefined), never)
    return answers
  }
  for (const { text } of await lengths({ at: 'tokens', step_tokens: 5, delimiter: '-' })) assert.equal(text.length, 5)
  for (const { text } of await lengths({ at: 'tokens', step_tokens: undefined, delimiter: '-' }))
    assert.equal(text.length, 16)
  for (const { text } of await lengths({ at: 'step', step_tokens: undefined, delimiter: 'bc' }))
    assert.equal(text.indexOf('bc'), text.length - 2)
  for (const { text } of await lengths({ at: 'step', step_tokens: 3, delimiter: 'never' })) assert.equal(text.length, 3)
  for (const { text } of await lengths({ at: 'sentence', step_tokens: 4, delimiter: '-' })) assert.equal(text.length, 4)
})

test('the next step begins where the last one ended', async () => {
  const answers = opened([1n, 2n, 3n])
  for (const steps of [1, 2, 3]) {
    await drawSteps(answers, { at: 'step', step_tokens: undefined, delimiter: 'bc' }, new TokenBudget(undefined), never)
    for (const { text, finished } of answers)
      if (!finished) assert.deepEqual([text.split('bc').length - 1, text.endsWith('bc')], [steps, true])
  }
  assert.ok(answers.some(({ finished }) => !finished))
})

test('what one answer leaves over goes to the others, and the budget is drawn to the last token', async () => {
  for (let limit = 1; limit < 40; limit++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const budget = new TokenBudget(limit)
    const answers = opened([1n, 2n, 3n], decoder)
    await drawSteps(answers, { at: 'step', step_tokens: undefined, delimiter: 'ca' }, budget, never)
    const ended = answers.every(({ text }) => text.endsWith('ca'))
    assert.equal(decoder.steps + budget.left, limit)
    assert.ok(ended || budget.left === 0)
  }
})

test('a delimiter that straddles two shares ends its step', async () => {
  let straddled = 0
  for (let seed = 0n; seed < 60n; seed++) {
    const [late, early] = opened([seed, seed + 100n])
    for (const answer of [late!, early!]) await answer.advance(30, never)
    const [lateAt, earlyAt] = [late!, early!].map(({ text }) => text.indexOf('bc'))
    if (earlyAt === -1 || lateAt! < earlyAt! + 2) continue
    straddled++
    const both = opened([seed, seed + 100n])
    // the late one's first share ends behind its 'b'; what the early one leaves brings the 'c'
    const budget = new TokenBudget(2 * (lateAt! + 1))
    await drawSteps(both, { at: 'step', step_tokens: undefined, delimiter: 'bc' }, budget, never)
    assert.deepEqual(
      both.map(({ text }) => text),
      [late!.text.slice(0, lateAt! + 2), early!.text.slice(0, earlyAt! + 2)],
    )
  }
  assert.ok(straddled > 5, `${straddled}`)
})

test('who gets the last tokens does not depend on who is faster', async () => {
  const texts = async (slow: number) => {
    const decoder = new ToyDecoder(scrambled, 2)
    const advance = decoder.advance.bind(decoder)
    const answers = opened([1n, 2n, 3n], decoder)
    let calls = 0
    decoder.advance = async function* (...parameters) {
      if (calls++ % 3 === slow) await new Promise((resolve) => setTimeout(resolve, 3))
      yield* advance(...parameters)
    }
    await drawSteps(answers, { at: 'step', step_tokens: undefined, delimiter: 'ca' }, new TokenBudget(13), never)
    return answers.map(({ text }) => text)
  }
  assert.deepEqual(await texts(1), await texts(0))
  assert.deepEqual(await texts(2), await texts(0))
})

test('options: each method has its own fields, and unknown ones are refused', () => {
  const beam = searchOptions.parse({ method: 'beam', reward: 'r' })
  assert.deepEqual(beam, {
    method: 'beam',
    reward: 'r',
    width: 4,
    branch: 4,
    at: 'step',
    delimiter: '\n\n',
    select: 'best',
  })
  const tree = searchOptions.parse({ method: 'tree', reward: 'r' })
  assert.deepEqual(tree, {
    method: 'tree',
    reward: 'r',
    branch: 3,
    exploration: 0.7,
    alpha: 0.5,
    rollout_steps: 3,
    iterations: 16,
    at: 'step',
    delimiter: '\n\n',
    select: 'best',
  })
  for (const wrong of [
    { method: 'beam', reward: 'r', exploration: 1 },
    { method: 'tree', reward: 'r', width: 2 },
    { method: 'tree' },
    { method: 'dfs', reward: 'r' },
    { method: 'beam', reward: 'r', width: 0 },
    { method: 'tree', reward: 'r', alpha: 2 },
    { method: 'tree', reward: 'r', exploration: Number.NaN },
    { method: 'beam', reward: 'r', select: 'vote' },
    { method: 'beam', reward: 'r', delimiter: '' },
  ])
    assert.equal(searchOptions.safeParse(wrong).success, false, JSON.stringify(wrong))
  for (const wrong of [0, -1, 1.5, '8', Number.POSITIVE_INFINITY])
    assert.equal(searchBudget.safeParse(wrong).success, false)
})
