import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bestShape, CostEstimate, expectedTokens, expectedYield } from '../../src/decoding/upstream/block-length.ts'
import { AcceptanceEstimate } from '../../src/decoding/upstream/draft-rates.ts'
import { assertNear } from '../laws/enumeration.ts'

test('golden: tokens of a block of five at acceptance .8', () => {
  assertNear(expectedTokens(0.8, 5), 3.3616, 1e-12)
  assert.equal(expectedTokens(1, 8), 8)
  assert.equal(expectedTokens(0, 8), 1)
})

test('a round yields what its length and its drafts let through', () => {
  const rates = { acceptance: 0.8, further: 0.5 }
  for (const length of [1, 2, 5])
    assertNear(expectedYield({ length, drafts: 1 }, rates), expectedTokens(0.8, length), 1e-12)
  // .2 of first drafts are rejected, half of them saved by the second
  assertNear(expectedYield({ length: 3, drafts: 2 }, rates), 1 + 0.9 * 1.8, 1e-12)
})

const rates = (acceptance: number, further = 0) => ({ acceptance, further })

test('the length grows with acceptance and with the cost of a round trip, and is one where nothing is accepted', () => {
  const cost = { fixed: 10, perToken: 1, perFurther: 1 }
  const lengths = [0, 0.3, 0.6, 0.9, 1].map((acceptance) => bestShape(rates(acceptance), cost, [1]).length)
  assert.deepEqual(
    lengths,
    [...lengths].sort((a, b) => a - b),
  )
  assert.deepEqual([lengths[0], lengths.at(-1)], [1, 32])
  const lengthAt = (fixed: number) => bestShape(rates(0.8), { ...cost, fixed }, [1]).length
  assert.ok(lengthAt(40) > lengthAt(1))
})

test('further drafts are drawn where they are taken and cheap, and not where they are neither', () => {
  const counts = [1, 2, 4]
  const draftsAt = (further: number, perFurther: number) =>
    bestShape(rates(0.3, further), { fixed: 20, perToken: 1, perFurther }, counts).drafts
  assert.equal(draftsAt(0.5, 0.1), 4)
  assert.equal(draftsAt(0, 0.1), 1)
  assert.equal(draftsAt(0.5, 50), 1)
  assert.equal(bestShape(rates(1, 0.5), { fixed: 20, perToken: 1, perFurther: 0.1 }, counts).drafts, 1)
})

test('the cost of a round is read off rounds of different lengths', () => {
  const costs = new CostEstimate()
  for (const length of [1, 4, 8, 2, 16, 4]) costs.observe({ length, drafts: 1 }, 12 + 3 * length)
  assertNear(costs.cost.fixed, 12, 1e-9)
  assertNear(costs.cost.perToken, 3, 1e-9)
  assertNear(costs.cost.perFurther, 0.75, 1e-9)
  for (const drafts of [2, 4]) costs.observe({ length: 4, drafts }, 12 + 4 * (3 + 2 * (drafts - 1)))
  assertNear(costs.cost.perFurther, 2, 1e-9)
  assertNear(costs.cost.perToken, 3, 1e-9)
})

test('rounds of one length, and times that fall with the length, give a positive cost of both kinds', () => {
  for (const times of [
    [8, 20, 8, 22],
    [1, 50, 16, 10],
  ]) {
    const costs = new CostEstimate()
    costs.observe({ length: times[0]!, drafts: 1 }, times[1]!)
    costs.observe({ length: times[2]!, drafts: 1 }, times[3]!)
    assert.ok(costs.cost.fixed > 0 && costs.cost.perToken > 0)
  }
})

test('acceptance follows what is observed, and a copy goes its own way', () => {
  const estimate = new AcceptanceEstimate()
  const before = estimate.rates
  const nothing = { firstLooked: 0, firstTaken: 0, furtherLooked: 0, furtherTaken: 0 }
  estimate.observe(nothing)
  assert.deepEqual(estimate.rates, before)
  for (let i = 0; i < 20; i++) estimate.observe({ firstLooked: 4, firstTaken: 1, furtherLooked: 4, furtherTaken: 3 })
  assertNear(estimate.rates.acceptance, 0.25, 0.01)
  assertNear(estimate.rates.further, 0.75, 0.01)
  const copy = estimate.clone()
  copy.observe({ ...nothing, firstLooked: 8, firstTaken: 8 })
  assert.ok(copy.rates.acceptance > estimate.rates.acceptance)
  assert.equal(copy.rates.further, estimate.rates.further)
})
