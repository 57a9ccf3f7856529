import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  AcceptanceEstimate,
  bestLength,
  CostEstimate,
  expectedTokens,
} from '../../src/decoding/upstream/block-length.ts'
import { assertNear } from '../laws/enumeration.ts'

test('golden: tokens of a block of five at acceptance .8', () => {
  assertNear(expectedTokens(0.8, 5), 3.3616, 1e-12)
  assert.equal(expectedTokens(1, 8), 8)
  assert.equal(expectedTokens(0, 8), 1)
})

test('the length grows with acceptance and with the cost of a round trip, and is one where nothing is accepted', () => {
  const cost = { fixed: 10, perToken: 1 }
  const lengths = [0, 0.3, 0.6, 0.9, 1].map((acceptance) => bestLength(acceptance, cost))
  assert.deepEqual(
    lengths,
    [...lengths].sort((a, b) => a - b),
  )
  assert.deepEqual([lengths[0], lengths.at(-1)], [1, 32])
  assert.ok(bestLength(0.8, { fixed: 40, perToken: 1 }) > bestLength(0.8, { fixed: 1, perToken: 1 }))
})

test('the cost of a round is read off rounds of different lengths', () => {
  const costs = new CostEstimate()
  for (const length of [1, 4, 8, 2, 16, 4]) costs.observe(length, 12 + 3 * length)
  assertNear(costs.cost.fixed, 12, 1e-9)
  assertNear(costs.cost.perToken, 3, 1e-9)
})

test('rounds of one length, and times that fall with the length, give a positive cost of both kinds', () => {
  for (const times of [
    [8, 20, 8, 22],
    [1, 50, 16, 10],
  ]) {
    const costs = new CostEstimate()
    costs.observe(times[0]!, times[1]!)
    costs.observe(times[2]!, times[3]!)
    assert.ok(costs.cost.fixed > 0 && costs.cost.perToken > 0)
  }
})

test('acceptance follows what is observed, and a copy goes its own way', () => {
  const estimate = new AcceptanceEstimate()
  const before = estimate.acceptance
  estimate.observe(0, 0)
  assert.equal(estimate.acceptance, before)
  for (let i = 0; i < 20; i++) estimate.observe(1, 4)
  assertNear(estimate.acceptance, 0.25, 0.01)
  const copy = estimate.clone()
  copy.observe(8, 8)
  assert.ok(copy.acceptance > estimate.acceptance)
})
