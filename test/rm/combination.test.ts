import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { combinationReward } from '../../src/rm/combination.ts'
import { zScores } from '../../src/rm/normalise.ts'
import type { Reward, Verdict } from '../../src/rm/reward.ts'
import { RewardError } from '../../src/rm/reward-error.ts'
import { checkedReward, plainVerdict } from '../../src/rm/reward-verdicts.ts'
import { answer, never, question } from './reward-contract.ts'

/** Says what it was told to say. */
function toyReward(name: string, scores: readonly number[], changes: Partial<Reward['traits']> = {}): Reward {
  const verdicts = scores.map(plainVerdict)
  const traits = { partial: true, range: undefined, relative: false, ...changes }
  return { name, traits, score: async () => verdicts }
}

const failing = (name: string, error: unknown): Reward => ({
  ...toyReward(name, []),
  score: () => Promise.reject(error),
})
const answers = ['a', 'b', 'c'].map((text) => answer(text))
const scores = (verdicts: readonly Verdict[]) => verdicts.map(({ score }) => score)
const judge = async (reward: Reward) => await reward.score(question, answers, never)
const low = Number.NEGATIVE_INFINITY

test('the score is the weighted sum, the parts are attributes', async () => {
  const parts = [
    { reward: toyReward('helpful', [1, 2, 3]), weight: 0.75 },
    { reward: toyReward('harmless', [4, 0, -4]), weight: 0.25 },
  ]
  const verdicts = await judge(combinationReward('both', parts, { zScore: false }))
  assert.deepEqual(scores(verdicts), [1.75, 1.5, 1.25])
  assert.deepEqual(verdicts[2]!.attributes, { helpful: 3, harmless: -4 })
})

test("a part's own attributes are kept under its name", async () => {
  const verdict = { score: 2, attributes: { kind: 5 }, steps: [1] }
  const part: Reward = { ...toyReward('many', []), score: async () => [verdict, verdict, verdict] }
  const verdicts = await judge(combinationReward('all', [{ reward: part, weight: 1 }], { zScore: false }))
  assert.deepEqual(verdicts[0], { score: 2, attributes: { many: 2, 'many.kind': 5 }, steps: undefined })
})

test('z-scores: mean 0, sigma 1, no unit; equal scores become 0; -Infinity is left out and left alone', () => {
  const near = (one: readonly number[], other: readonly number[]) =>
    assert.ok(
      one.every((value, i) => value === other[i] || Math.abs(value - other[i]!) < 1e-5),
      `${one}`,
    )
  const half = Math.sqrt(1.5)
  near(zScores([1, 2, 3]), [-half, 0, half])
  near(zScores([1000, 2000, 3000]), [-half, 0, half])
  assert.deepEqual(zScores([7, 7, 7]), [0, 0, 0])
  near(zScores([1, low, 3]), [-1, low, 1])
  assert.deepEqual(zScores([low, low]), [low, low])
  assert.deepEqual(zScores([]), [])
})

test('z-scored parts weigh alike whatever their units', async () => {
  const parts = [
    { reward: toyReward('small', [0.1, 0.2, 0.3]), weight: 1 },
    { reward: toyReward('large', [300, 200, 100]), weight: 1 },
  ]
  const combined = combinationReward('both', parts, { zScore: true })
  for (const score of scores(await judge(combined))) assert.ok(Math.abs(score) < 1e-4)
  assert.deepEqual(combined.traits, { partial: true, range: undefined, relative: true })
})

test('an answer at -Infinity stays there, also under a negative weight, and not under weight 0', async () => {
  const fatal = toyReward('fatal', [low, 0, 1])
  const fine = toyReward('fine', [1, 1, 1])
  for (const weight of [1, -1]) {
    const parts = [
      { reward: fatal, weight },
      { reward: fine, weight: 1 },
    ]
    assert.deepEqual(scores(await judge(combinationReward('both', parts, { zScore: false }))), [low, 1, 1 + weight])
  }
  const ignored = [
    { reward: fatal, weight: 0 },
    { reward: fine, weight: 1 },
  ]
  assert.deepEqual(scores(await judge(combinationReward('both', ignored, { zScore: true }))), [0, 0, 0])
})

test('traits come from the parts', () => {
  const one = toyReward('one', [], { range: [0, 1] })
  const whole = toyReward('whole', [], { range: [-2, low * -1], partial: false })
  const combined = (weight: number, part = whole) =>
    combinationReward(
      'both',
      [
        { reward: one, weight: 2 },
        { reward: part, weight },
      ],
      { zScore: false },
    ).traits
  assert.deepEqual(combined(1), { partial: false, range: [-2, Number.POSITIVE_INFINITY], relative: false })
  assert.deepEqual(combined(-1).range, [low, 4])
  assert.deepEqual(combined(0).range, [0, 2])
  assert.equal(combined(1, toyReward('any', [])).range, undefined)
  assert.equal(combined(1, toyReward('pairs', [], { relative: true })).relative, true)
})

test('a part that fails fails the whole and is named; what the request causes passes', async () => {
  const combined = (error: unknown) => {
    const parts = [
      { reward: toyReward('fine', [1, 1, 1]), weight: 1 },
      { reward: failing('broken', error), weight: 0 },
    ]
    return judge(combinationReward('both', parts, { zScore: false }))
  }
  await assert.rejects(combined(new Error('disk')), (error) => {
    return error instanceof RewardError && error.reward === 'both' && /'broken': disk/.test(error.message)
  })
  await assert.rejects(combined(new RewardError('broken', 'NaN')), (error) => {
    return error instanceof RewardError && error.reward === 'both' && /'broken' failed: NaN/.test(error.message)
  })
  const refusal = new InvalidRequestError('no references', 'alignment.references')
  await assert.rejects(combined(refusal), refusal)
})

test('nothing to combine, and weights that are no numbers, are refused at once', () => {
  assert.throws(() => combinationReward('none', [], { zScore: false }), /at least one/)
  const part = { reward: toyReward('one', []), weight: Number.NaN }
  assert.throws(() => combinationReward('nan', [part], { zScore: false }), /'one' by NaN/)
})

for (const [bad, scores] of [
  ['NaN', [0, Number.NaN, 0]],
  ['Infinity', [0, Number.POSITIVE_INFINITY, 0]],
  ['2 verdicts for 3', [0, 0]],
] as const)
  test(`a checked reward refuses ${bad}`, async () => {
    await assert.rejects(judge(checkedReward(toyReward('bad', scores))), (error) => {
      return error instanceof RewardError && error.reward === 'bad' && error.message.includes(bad)
    })
  })
