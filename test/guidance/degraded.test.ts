import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import { wholeAnswers } from '../../src/guidance/whole-answers.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { RewardError } from '../../src/rm/reward-error.ts'
import { eventsOf, textsOf, toyRequest } from './strategy-contract.ts'

/** Counts letters, and fails at its call number `failAt`. */
function fragile(failAt: number, error: unknown = new Error('the disk is full')): Reward {
  let calls = 0
  return {
    name: 'fragile',
    traits: { partial: true, range: undefined, relative: false },
    async score(_question, answers) {
      if (calls++ === failAt) throw error
      return answers.map(({ text }) => ({ score: text.length, attributes: undefined, steps: undefined }))
    },
  }
}

const request = toyRequest({ ignoreEos: true, maxTokens: 12 })
const question = { messages: undefined, text: 'x', references: undefined }

function strategyOf(alignment: object, reward: Reward) {
  const known = { rewards: new Map([['fragile', reward]]), objectives: new Map() }
  return wholeAnswers(alignmentOptions.parse(alignment), 1, request.sampling, known, question).strategy
}

const methods = {
  'best-of': [{ best_of: { n: 3, reward: 'fragile' } }, 1],
  'pruned best-of': [{ best_of: { n: 4, reward: 'fragile', prune: { at: [3, 6] } } }, 3],
  particles: [{ particles: { n: 3, reward: 'fragile', resample_every: 4 } }, 3],
  'particles with trials': [
    { particles: { n: 2, reward: 'fragile', resample_every: 5, intermediate: 'completions' } },
    2,
  ],
} as const

for (const [name, [alignment, calls]] of Object.entries(methods))
  for (let failAt = 0; failAt < calls; failAt++) {
    test(`${name}: a reward that fails at call ${failAt} fails the request`, async () => {
      await assert.rejects(() => eventsOf(strategyOf(alignment, fragile(failAt)), request), RewardError)
    })

    test(`${name}: the request goes on after call ${failAt} where it may, and says so`, async () => {
      const lenient = { ...alignment, on_reward_error: 'continue' }
      const events = await eventsOf(strategyOf(lenient, fragile(failAt)), request)
      const end = events.find((event) => event.type === 'choice-end')!
      assert.match(end.outcome!.degraded!, /'fragile' failed: the disk is full/)
      assert.equal(end.outcome!.reward, undefined)
      assert.equal(end.outcome!.particles?.logZ, undefined)
      assert.equal(end.outcome!.particles?.steps.at(-1)?.rewards, undefined)
      assert.equal(textsOf(events)[0]!.length, 12)
    })
  }

test('what the request itself lacks is an error all the same', async () => {
  const lacking = fragile(0, new InvalidRequestError('no references', 'alignment.references'))
  const strategy = strategyOf({ best_of: { n: 2, reward: 'fragile' }, on_reward_error: 'continue' }, lacking)
  await assert.rejects(() => eventsOf(strategy, request), InvalidRequestError)
})

test('a search cannot go on without its reward', () => {
  const options = { search: { method: 'beam', reward: 'fragile' }, on_reward_error: 'continue' }
  assert.throws(() => strategyOf(options, fragile(0)), { param: 'alignment.on_reward_error' })
})
