import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'
import { reportedLaw, wholeLaw } from '../../src/decoding/upstream/known-law.ts'
import { type PositionLaw, positionLaw } from '../../src/decoding/upstream/position-law.ts'
import type { TermLaw } from '../../src/decoding/upstream/tilted-law.ts'
import { assertNear } from '../laws/enumeration.ts'

const p = [0.5, 0.3, 0.2]
const guide = [0.1, 0.6, 0.3]

function position(
  base: readonly number[],
  other: readonly number[],
  weight: number,
  support: number,
  sampling: Partial<SamplingParams> = {},
): PositionLaw {
  const ids = base
    .map((_, id) => id)
    .sort((a, b) => base[b]! - base[a]! || a - b)
    .slice(0, support)
  const reported = { ids, logprobs: ids.map((id) => Math.log(base[id]!)) }
  const term: TermLaw = { coefficient: 1, law: reportedLaw(reported, true) }
  const law = {
    terms: [term, { coefficient: weight, law: wholeLaw(Float64Array.from(other, Math.log)) }],
    shifts: new Map(),
  }
  const params = { ...plainSampling, seed: 0n, maxTokens: 1, ...sampling }
  return positionLaw(law, term, reported, {
    sampling: params,
    support,
    draftsWithin: undefined,
    vocabSize: base.length,
  })
}

/** Over all tokens, by id; zero outside of the support. */
function byId({ ids, target }: PositionLaw, size = 3): number[] {
  return Array.from({ length: size }, (_, id) => target[ids.indexOf(id)] ?? 0)
}

test('golden: targets and acceptances of the derivation', () => {
  const golden: readonly (readonly [number, readonly number[], number])[] = [
    [0.5, [0.316204117, 0.464723245, 0.219072638], 0.816204117],
    [1, [0.172413793, 0.620689655, 0.206896552], 0.672413793],
    [2, [0.038167939, 0.824427481, 0.13740458], 0.475572519],
  ]
  for (const [weight, expected, acceptance] of golden) {
    const law = position(p, guide, weight, 3)
    for (const [id, q] of byId(law).entries()) assertNear(q, expected[id]!, 1e-9)
    assertNear(
      law.target.reduce((sum, q, i) => sum + Math.min(q, law.draft![i]!), 0),
      acceptance,
      1e-9,
    )
    assert.equal(law.truncation, 0)
  }
})

test('top_k and temperature 0 keep the lowest ids of equals: which of them an engine reports promises nothing', () => {
  const reported = { ids: [2, 3], logprobs: [Math.log(0.25), Math.log(0.25)] }
  const base: TermLaw = { coefficient: 1, law: reportedLaw(reported, true) }
  const sampling = { ...plainSampling, seed: 0n, maxTokens: 1 }
  const rules = { sampling, support: 2, draftsWithin: undefined, vocabSize: 4 }
  // all four tokens are alike: 0, 1 and 2 would be kept, with a third each
  const law = { terms: [base], shifts: new Map() }
  for (const filters of [{ topK: 3 }, { topK: 2 }, { topK: 1 }, { temperature: 0 }])
    assert.equal(
      positionLaw(law, base, reported, { ...rules, sampling: { ...sampling, ...filters } }).truncation,
      1,
      JSON.stringify(filters),
    )
})

test('a top_k of as many tokens as the support has is certain where all others are provably less likely', () => {
  const base = [0.5, 0.3, 0.1, 0.06, 0.04]
  const flat = base.map(() => 0.2)
  for (const topK of [2, 3]) assert.equal(position(base, flat, 1, 3, { topK }).truncation, topK === 3 ? 1 : 0)
  // the guide leaves nothing of what is outside
  assert.equal(position(base, [0.3, 0.3, 0.3, 0.01, 0.09], 2, 3, { topK: 3 }).truncation, 0)
})

const laws = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 6, maxLength: 6 }).map((values) => {
  const total = values.reduce((sum, value) => sum + value, 0)
  return values.map((value) => value / total)
})

test('the reported truncation is never below the total variation to the target on the whole vocabulary, filters included', () => {
  const input = fc.record({
    base: laws,
    other: laws,
    weight: fc.double({ min: -1, max: 2, noNaN: true }),
    support: fc.integer({ min: 1, max: 6 }),
    temperature: fc.constantFrom(0, 0.6, 1, 1.5),
    topK: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
    topP: fc.constantFrom(1, 0.9, 0.5, 0.1),
    minP: fc.constantFrom(0, 0.1, 0.6),
  })
  let certain = 0
  fc.assert(
    fc.property(input, ({ base, other, weight, support, ...sampling }) => {
      const law = position(base, other, weight, support, sampling)
      const whole = position(base, other, weight, 6, sampling)
      const [restricted, full] = [byId(law, 6), byId(whole, 6)]
      const distance = restricted.reduce((sum, q, id) => sum + Math.abs(q - full[id]!), 0) / 2
      assert.ok(distance <= law.truncation + 1e-9, `${distance} > ${law.truncation}`)
      if (law.truncation === 0 && support < 6) certain++
    }),
    { numRuns: 6000 },
  )
  assert.ok(certain > 100, `${certain} certificates`)
})
