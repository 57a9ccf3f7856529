import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import { assertPreferencesServed, preferredReward } from '../../src/guidance/preferred-reward.ts'

const objectives = new Map([
  ['kind', { guide: 'kind-arm', reward: 'kindness', scale: 2 }],
  ['brief', { guide: 'brief-arm', scale: 1 }],
  ['careful', { reward: 'steps', scale: 3 }],
])
const options = (alignment: object) => alignmentOptions.parse(alignment)

test('preferences weigh the rewards of their objectives, times the scale', () => {
  const preferences = { kind: 0.5, brief: 1, careful: -1 }
  assert.deepEqual(preferredReward(options({ preferences }), objectives), { kindness: 1, steps: -3 })
})

test('without a preferred reward there is none', () => {
  assert.equal(preferredReward(options({ preferences: { brief: 1 } }), objectives), undefined)
})

test('a preference that only a reward serves needs something that judges by it', () => {
  const preferences = { careful: 1 }
  const refused = /'careful' is served by a reward/
  assert.throws(() => assertPreferencesServed(options({ preferences }), objectives), refused)
  const own = { preferences, best_of: { n: 2, reward: 'other' } }
  assert.throws(() => assertPreferencesServed(options(own), objectives), refused)
  assertPreferencesServed(options({ preferences, best_of: { n: 2 } }), objectives)
  assertPreferencesServed(options({ preferences: { kind: 1, brief: 1 } }), objectives)
})
