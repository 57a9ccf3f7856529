import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import type { ChoiceEvent } from '../../src/guidance/strategy.ts'
import { wholeAnswers } from '../../src/guidance/whole-answers.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { assertNear } from '../laws/enumeration.ts'
import { scrambledReward, type ToyReward, toyReward } from '../laws/particle-runs.ts'
import { eventsOf, toyRequest } from './strategy-contract.ts'

const question = { messages: undefined, text: 'x', references: undefined }
const request = toyRequest({ ignoreEos: true, maxTokens: 5 })
const scores: Readonly<Record<string, ToyReward>> = {
  small: (text, finished) => (1 + scrambledReward(text, finished)) / 1000,
  large: (text, finished) => 500 * scrambledReward(`${text}!`, finished),
}

function named(name: string, score: ToyReward, range?: Reward['traits']['range']): [string, Reward] {
  return [name, { ...toyReward(score, { range }), name }]
}

async function candidatesOf(alignment: object, rewards = Object.entries(scores).map(([name, of]) => named(name, of))) {
  const known = { rewards: new Map(rewards), objectives: new Map() }
  const { strategy } = wholeAnswers(alignmentOptions.parse(alignment), 1, request.sampling, known, question)
  const end = (await eventsOf(strategy, request)).at(-1) as Extract<ChoiceEvent, { type: 'choice-end' }>
  return end.outcome!.candidates!
}

/** (x - mean) / (sigma + 1e-6), written out. */
function standardised(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const sigma = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
  return values.map((value) => (value - mean) / (sigma + 1e-6))
}

const asked = { small: 2, large: -1 }
const n = 6

test('an object of rewards: the weighted sum of their scores', async () => {
  for (const { text, score } of await candidatesOf({ best_of: { n, reward: asked } }))
    assertNear(score!, 2 * scores['small']!(text, true) - scores['large']!(text, true), 1e-9)
})

test('normalise z_score: each is standardised over the candidates before it is weighted', async () => {
  const candidates = await candidatesOf({ best_of: { n, reward: asked, normalise: 'z_score' } })
  const [small, large] = ['small', 'large'].map((name) =>
    standardised(candidates.map(({ text }) => scores[name]!(text, true))),
  )
  for (const [i, { score }] of candidates.entries()) assertNear(score!, 2 * small![i]! - large![i]!, 1e-9)
})

test('normalise z_score: one reward by its name is standardised too', async () => {
  const candidates = await candidatesOf({ best_of: { n, reward: 'large', normalise: 'z_score', select: 'soft' } })
  const expected = standardised(candidates.map(({ text }) => scores['large']!(text, true)))
  for (const [i, { score }] of candidates.entries()) assertNear(score!, expected[i]!, 1e-9)
})

test('normalise z_score: a single candidate scores 0, not NaN', async () => {
  const [only] = await candidatesOf({ best_of: { n: 1, reward: asked, normalise: 'z_score' } })
  assert.equal(only!.score, 0)
})

test('rewards between 0 and 1 whose weights add up to 1 are between 0 and 1, however the sum is rounded', async () => {
  const weights = { one: 0.33, two: 0.56, three: 0.11 }
  assert.ok(weights.one + weights.two + weights.three > 1)
  const rewards = Object.keys(weights).map((name) => named(name, () => 0.5, [0, 1]))
  // log-odds are only taken of such a reward
  await assert.doesNotReject(async () => {
    const particles = { n: 2, reward: weights, compat: 'its_hub' }
    const known = { rewards: new Map(rewards), objectives: new Map() }
    const { strategy } = wholeAnswers(alignmentOptions.parse({ particles }), 1, request.sampling, known, question)
    await eventsOf(strategy, request)
  })
})
