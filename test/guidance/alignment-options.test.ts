import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'

/** Paths of what is wrong with a value, as "guides.0.weight". */
function blamed(value: unknown): string[] {
  const result = alignmentOptions.safeParse(value)
  return result.success ? [] : result.error.issues.map((issue) => issue.path.join('.'))
}

test('every field of this stage is understood; absent fields stay absent', () => {
  const full = {
    policy: 'friendly',
    guides: [
      { guide: 'positive', weight: 0.8, form: 'plain' },
      { principle: 'Be brief.', weight: 1.5 },
      { contrast: ['tuned', 'untuned'], weight: -1 },
    ],
    preferences: { positive: 0.7 },
    compat: 'model_arithmetic',
    trace: true,
  }
  assert.deepEqual(alignmentOptions.parse(full), full)
  assert.deepEqual(alignmentOptions.parse({}), {})
  assert.deepEqual(alignmentOptions.parse({ guides: [{ guide: 'a' }] }), { guides: [{ guide: 'a', weight: 1 }] })
})

test('weights are finite numbers of sensible size', () => {
  for (const weight of [Number.NaN, Infinity, -Infinity, '1', null, 101, -101]) {
    assert.deepEqual(blamed({ guides: [{ guide: 'a', weight }] }), ['guides.0.weight'])
    assert.deepEqual(blamed({ preferences: { a: weight } }), ['preferences.a'])
  }
})

test('an entry is exactly one kind of guide', () => {
  assert.deepEqual(blamed({ guides: [{}] }), ['guides.0'])
  assert.deepEqual(blamed({ guides: [{ guide: 'a', principle: 'b' }] }), ['guides.0'])
  assert.deepEqual(blamed({ guides: [{ contrast: ['a', 'a'] }] }), ['guides.0.contrast'])
  assert.deepEqual(blamed({ guides: [{ contrast: ['a'] }] }), ['guides.0.contrast'])
  assert.deepEqual(blamed({ guides: [{ principle: 'b', form: 'plain' }] }), ['guides.0.form'])
  assert.deepEqual(blamed({ guides: [{ principle: '' }] }), ['guides.0.principle'])
})

test('unknown fields are refused, also within entries', () => {
  assert.deepEqual(blamed({ guidance: [] }), [''])
  assert.deepEqual(blamed({ guides: [{ guide: 'a', wieght: 1 }] }), ['guides.0'])
})

test('the number of guides and preferences is bounded', () => {
  const many = Array.from({ length: 17 }, (_, i) => `g${i}`)
  assert.deepEqual(blamed({ guides: many.map((guide) => ({ guide })) }), ['guides'])
  assert.deepEqual(blamed({ preferences: Object.fromEntries(many.map((name) => [name, 1])) }), ['preferences'])
})

test('the schema can be published as JSON Schema', () => {
  assert.equal(z.toJSONSchema(alignmentOptions, { io: 'input' }).type, 'object')
})

test('a pattern for votes is one', () => {
  assert.deepEqual(blamed({ best_of: { n: 2, select: 'vote', answer: '(' } }), ['best_of.answer'])
  assert.deepEqual(blamed({ best_of: { n: 2, select: 'vote', answer: '(\\d+)' } }), [])
})
