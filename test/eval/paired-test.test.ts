import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { comparePaired, signFlipTest } from '../../eval/paired-test.ts'
import { uniform } from '../../src/decoding/rng.ts'

describe('the sign-flip test', () => {
  it('has the exact p-value of few pairs', () => {
    // All 6 signs one way: 2 of 64 assignments are as far from 0.
    assert.ok(Math.abs(signFlipTest([1, 1, 1, 1, 1, 1]) - 2 / 64) < 0.004)
    // 7 of 8: the two-sided sign test's 18 / 256.
    assert.ok(Math.abs(signFlipTest([1, 1, 1, 1, 1, 1, 1, -1]) - 18 / 256) < 0.006)
  })

  it('is 1 without differences, whichever way round, and never 0', () => {
    assert.equal(signFlipTest([0, 0, 0]), 1)
    assert.equal(signFlipTest([]), 1)
    assert.equal(signFlipTest([3, -1, 2, 2]), signFlipTest([-3, 1, -2, -2]))
    assert.ok(signFlipTest(Array(100).fill(1)) > 0)
  })

  it('rejects at 5 % about 5 times in 100 where there is nothing', () => {
    const rejected = Array.from({ length: 400 }, (_, round) => {
      return signFlipTest(
        Array.from({ length: 40 }, (_, i) => uniform(BigInt(round), i) - 0.5),
        500,
      )
    }).filter((p) => p <= 0.05).length
    assert.ok(rejected >= 8 && rejected <= 34, `${rejected} of 400`)
  })
})

describe('a paired comparison', () => {
  it('counts, subtracts and keeps pairs together', () => {
    const { difference, wins, ties, losses } = comparePaired([2, 3, 1, 5], [1, 2, 1, 7])
    assert.deepEqual([wins, ties, losses], [2, 1, 1])
    assert.equal(difference.estimate, 0)
    // Prompts differ far more than the methods do.
    const prompts = Array.from({ length: 50 }, (_, i) => 100 * uniform(1n, i))
    const better = prompts.map((value, i) => value + 1 + 0.1 * uniform(2n, i))
    assert.ok(comparePaired(better, prompts).difference.low > 1)
    assert.ok(comparePaired(better, prompts).pValue < 0.001)
  })
})
