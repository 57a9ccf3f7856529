import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chosenLogRatio, levelDivergence } from '../../eval/best-of-divergence.ts'
import { mean } from '../../eval/interval.ts'
import { uniform } from '../../src/decoding/rng.ts'
import { bestOfKlBound } from '../../src/guidance/best-of-laws.ts'

describe('the KL divergence of best-of-n by its levels', () => {
  it('is that of two levels, worked out by hand', () => {
    // Half the base's answers are right: best-of-2 gives 3/4.
    const exact = 0.75 * Math.log(0.75 / 0.5) + 0.25 * Math.log(0.25 / 0.5)
    assert.ok(Math.abs(levelDivergence([0, 1, 1, 0], 2) - exact) < 1e-12)
  })

  it('is 0 where all answers are worth the same, and for n = 1', () => {
    assert.equal(levelDivergence([2, 2, 2], 8), 0)
    assert.ok(Math.abs(levelDivergence([1, 2, 3], 1)) < 1e-12)
  })

  it('tends to the bound without ties, from below', () => {
    const samples = Array.from({ length: 1000 }, (_, i) => i)
    for (const n of [2, 8, 32]) {
      const found = levelDivergence(samples, n)
      assert.ok(found < bestOfKlBound(n) && found > bestOfKlBound(n) - 0.001, `${n}: ${found}`)
    }
  })
})

/** Mean log ratio over draws of best-of-n, each with samples of its own. */
function measured(
  n: number,
  draw: (seed: bigint, index: number) => number,
  { rounds, pool } = { rounds: 4000, pool: 64 },
): number {
  const ratios = Array.from({ length: rounds }, (_, round) => {
    const seed = BigInt(round)
    const samples = Array.from({ length: pool }, (_, i) => draw(seed, 1000 + i))
    return chosenLogRatio(Math.max(...Array.from({ length: n }, (_, i) => draw(seed, i))), samples, n)
  })
  return mean(ratios)
}

describe("best-of-n's answers", () => {
  it('lie as far from the base as the bound says, where rewards are continuous', () => {
    for (const n of [1, 2, 8, 32]) {
      const found = measured(n, uniform)
      assert.ok(Math.abs(found - bestOfKlBound(n)) < 0.05, `${n}: ${found}, not ${bestOfKlBound(n)}`)
    }
  })

  it('lie as far as the levels say, where they are few', () => {
    const right = (seed: bigint, index: number) => Number(uniform(seed, index) < 0.2)
    const chosen = 1 - 0.8 ** 4
    const exact = chosen * Math.log(chosen / 0.2) + (1 - chosen) * Math.log((1 - chosen) / 0.8)
    const found = measured(4, right)
    assert.ok(Math.abs(found - exact) < 0.04, `${found}, not ${exact}`)
  })

  it('lie as far as the levels say, with five of them, some rare, and a pool of 40', () => {
    const shares = [0.05, 0.1, 0.2, 0.3, 0.35]
    const upTo = shares.map((_, i) => shares.slice(0, i + 1).reduce((sum, share) => sum + share, 0))
    const level = (seed: bigint, index: number) => upTo.findIndex((limit) => uniform(seed, index) < limit + 1e-9)
    for (const n of [2, 4]) {
      const chosen = upTo.map((limit, i) => limit ** n - (limit - shares[i]!) ** n)
      const exact = chosen.reduce((sum, p, i) => sum + p * Math.log(p / shares[i]!), 0)
      const found = measured(n, level, { rounds: 20_000, pool: 40 })
      assert.ok(Math.abs(found - exact) < 0.02, `${n}: ${found}, not ${exact}`)
    }
  })
})
