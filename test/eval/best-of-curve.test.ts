import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bestOfPoint, placement } from '../../eval/best-of-curve.ts'
import { uniform } from '../../src/decoding/rng.ts'

const prompts = (n: number, shift = 0) =>
  Array.from({ length: 100 }, (_, prompt) => {
    const draw = (index: number) => prompt + uniform(BigInt(prompt), index)
    const reward = Math.max(...Array.from({ length: n }, (_, i) => draw(100 + i))) + shift
    const samples = Array.from({ length: 32 }, (_, i) => draw(i))
    return { samples, chosen: { reward, worth: 1, klEstimate: 0 } }
  })

const rewardPlacement = (n: number, shift = 0) => {
  const { measuredReward, expectedReward, rewardDeviation } = bestOfPoint(n, prompts(n, shift))
  return placement(measuredReward, expectedReward, rewardDeviation)
}

describe('a point of best-of-n', () => {
  it('lies on the curve of the law it was drawn from', () => {
    assert.equal(rewardPlacement(4), 'in the band')
    const { measuredKl, expectedKl, klDeviation } = bestOfPoint(8, prompts(8))
    assert.notEqual(placement(measuredKl, expectedKl, klDeviation), 'off the curve')
  })

  it('is found off it by less than prompts differ', () => {
    assert.equal(rewardPlacement(4, -0.1), 'off the curve')
  })

  it('lies on it exactly for n = 1, whose KL is 0', () => {
    const { measuredKl, expectedKl, klBound, klDeviation } = bestOfPoint(1, prompts(1))
    for (const { estimate } of [measuredKl, expectedKl]) assert.ok(Math.abs(estimate) < 1e-9)
    assert.equal(klBound, 0)
    assert.equal(placement(measuredKl, expectedKl, klDeviation), 'in the band')
  })
})
