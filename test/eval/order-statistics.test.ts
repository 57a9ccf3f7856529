import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { mean } from '../../eval/interval.ts'
import { expectedMaximum, subsetMaximumWeights } from '../../eval/order-statistics.ts'
import { uniform } from '../../src/decoding/rng.ts'

describe('the expected maximum of n, from samples', () => {
  it('has the golden value of the reference', () => {
    assert.ok(Math.abs(expectedMaximum([0.35, 0.8, 0.1, 0.4], 2) - 0.5916667) < 1e-7)
  })

  it('is the mean over all subsets', () => {
    const samples = [3, -1, 4, 1, 5]
    const triples = samples.flatMap((a, i) =>
      samples.slice(i + 1).flatMap((b, j) => samples.slice(i + j + 2).map((c) => Math.max(a, b, c))),
    )
    assert.equal(triples.length, 10)
    assert.ok(Math.abs(expectedMaximum(samples, 3) - mean(triples)) < 1e-12)
  })

  it('is the mean for 1, the maximum for all of them', () => {
    assert.ok(Math.abs(expectedMaximum([1, 2, 6], 1) - 3) < 1e-12)
    assert.equal(expectedMaximum([1, 6, 2], 3), 6)
  })

  it('is unbiased: n / (n + 1) for uniform draws', () => {
    const rounds = Array.from({ length: 2000 }, (_, round) => {
      return expectedMaximum(
        Array.from({ length: 16 }, (_, i) => uniform(BigInt(round), i)),
        8,
      )
    })
    assert.ok(Math.abs(mean(rounds) - 8 / 9) < 0.005, `${mean(rounds)}`)
  })

  it('has weights that sum to 1, and none for more than there are', () => {
    for (const n of [1, 2, 31, 64]) {
      const total = subsetMaximumWeights(64, n).reduce((sum, weight) => sum + weight, 0)
      assert.ok(Math.abs(total - 1) < 1e-12)
    }
    assert.throws(() => expectedMaximum([1, 2], 3), RangeError)
  })
})
