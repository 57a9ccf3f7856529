import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fromHash, toHash } from '../../web/state/permalink.ts'
import { checkpoints, methods, type Setting, selections, startSetting } from '../../web/state/setting.ts'

const name = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__')
const weights = fc.dictionary(
  name,
  fc.double({ min: -100, max: 100, noNaN: true }).map((weight) => weight + 0),
)

const settings: fc.Arbitrary<Setting> = fc.record({
  model: fc.string(),
  system: fc.string(),
  prompt: fc.string({ unit: 'grapheme' }),
  seed: fc.maxSafeNat(),
  temperature: fc.double({ min: 0, max: 2, noNaN: true }).map((value) => value + 0),
  maxTokens: fc.integer({ min: 1, max: 1000 }),
  guides: weights,
  objectives: weights,
  principle: fc.string(),
  principleWeight: fc.double({ min: -100, max: 100, noNaN: true }).map((value) => value + 0),
  method: fc.constantFrom(...methods),
  bestOf: fc.record({
    n: fc.integer({ min: 1, max: 128 }),
    reward: fc.string(),
    select: fc.constantFrom(...selections),
    pruneAt: fc
      .uniqueArray(fc.integer({ min: 1, max: 1000 }), { maxLength: 5 })
      .map((lengths) => lengths.sort((a, b) => a - b)),
  }),
  particles: fc.record({
    n: fc.integer({ min: 1, max: 128 }),
    reward: fc.string(),
    lambda: fc.double({ min: -1e4, max: 1e4, noNaN: true }).map((value) => value + 0),
    at: fc.constantFrom(...checkpoints),
    every: fc.integer({ min: 1, max: 1000 }),
    threshold: fc.double({ min: 0, max: 2, noNaN: true }).map((value) => value + 0),
  }),
})

test('a permalink holds the whole setting', () => {
  fc.assert(
    fc.property(settings, (setting) => {
      const { setting: read, wrong } = fromHash(`#${toHash(setting)}`)
      assert.deepEqual(wrong, [])
      // fast-check's records have no prototype
      assert.deepEqual(read, structuredClone(setting))
    }),
  )
})

test('it is readable, and says nothing of what is as at the start', () => {
  assert.equal(toHash(startSetting), '')
  const setting = { ...startSetting, model: 'tiny', prompt: 'Hi & bye', guides: { positive: -0.5 } }
  assert.equal(toHash(setting), 'model=tiny&prompt=Hi+%26+bye&guides.positive=-0.5')
})

test('what cannot be meant is left out and told', () => {
  for (const wrong of [
    'temperature=9',
    'temperature=',
    'seed=1.5',
    'seed=-1',
    'method=magic',
    'bestOf.n=0',
    'bestOf.pruneAt=20,10',
    'bestOf.pruneAt=a',
    'particles.at=whenever',
    'particles.colour=red',
    'guides.positive=much',
    'guides.positive=101',
    'constructor=x',
    'bestOf.constructor=x',
    'nonsense.x=1',
    'unknown=1',
  ]) {
    const read = fromHash(`#prompt=Hi&${wrong}`)
    assert.deepEqual(read.wrong, [wrong.slice(0, wrong.indexOf('='))])
    assert.deepEqual(read.setting, { ...startSetting, prompt: 'Hi' })
  }
})
