import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bootstrapInterval, meanInterval, shareInterval } from '../../eval/interval.ts'
import { uniform } from '../../src/decoding/rng.ts'

/** How often the interval of 100 draws with this mean holds the mean. */
function coverage(intervalOf: (round: number) => { low: number; high: number }, truth: number): number {
  const rounds = Array.from({ length: 400 }, (_, round) => intervalOf(round))
  return rounds.filter(({ low, high }) => low <= truth && truth <= high).length / rounds.length
}

const draws = (round: number) => Array.from({ length: 100 }, (_, i) => uniform(BigInt(round), i))

describe('95 % intervals', () => {
  it('hold the mean of uniform draws about 95 times in 100', () => {
    const share = coverage((round) => meanInterval(draws(round)), 0.5)
    assert.ok(share > 0.92 && share < 0.98, `${share}`)
  })

  it('hold a share about 95 times in 100, also near 1', () => {
    const share = coverage((round) => shareInterval(draws(round).map((u) => u < 0.97)), 0.97)
    assert.ok(share > 0.92 && share <= 1, `${share}`)
  })

  it('hold a bootstrapped ratio about 95 times in 100', () => {
    const share = coverage((round) => {
      const [a, b] = [draws(round), draws(round + 1000)]
      const total = (values: readonly number[], rows: readonly number[]) => rows.reduce((sum, i) => sum + values[i]!, 0)
      return bootstrapInterval(100, (rows) => total(a, rows) / total(b, rows), 300)
    }, 1)
    assert.ok(share > 0.9 && share < 0.98, `${share}`)
  })
})

describe("Wilson's interval", () => {
  it('has the values of the textbook', () => {
    const { estimate, low, high } = shareInterval([...Array(8).fill(true), ...Array(2).fill(false)])
    assert.equal(estimate, 0.8)
    assert.ok(Math.abs(low - 0.4902) < 1e-4 && Math.abs(high - 0.9433) < 1e-4, `${low} ${high}`)
  })

  it('has a width when nothing failed', () => {
    const { low, high } = shareInterval(Array(100).fill(true))
    assert.ok(low > 0.96 && low < 0.97 && high === 1)
  })
})
