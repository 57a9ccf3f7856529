import assert from 'node:assert/strict'
import { describe as group, it } from 'node:test'
import { fitLine, fitPowerLaw, growth } from '../../bench/measures/power-law.ts'
import { alternate } from '../../bench/measures/rounds.ts'
import { describe, quantile } from '../../bench/measures/spread.ts'
import { atLeast, atMost, verdictOf } from '../../bench/measures/target.ts'

group('a spread', () => {
  it('takes the middle of an even number of values from both sides', () => {
    assert.deepEqual(describe([4, 1, 3, 2]), { min: 1, median: 2.5, max: 4 })
    assert.deepEqual(describe([9, 1, 5]), { min: 1, median: 5, max: 9 })
  })

  it('refuses to describe nothing', () => {
    assert.throws(() => describe([]), RangeError)
  })

  it('has quantiles that are values of its own', () => {
    assert.equal(quantile([1, 2, 3, 4], 0.5), 3)
    assert.equal(quantile([1, 2, 3, 4], 1), 4)
  })
})

group('a verdict', () => {
  it('is decided by the median, and barely so where rounds disagree with it', () => {
    assert.equal(verdictOf(atLeast(1.4), [1.5, 1.6, 1.4]), 'met')
    assert.equal(verdictOf(atLeast(1.4), [1.3, 1.6, 1.5]), 'met, barely')
    assert.equal(verdictOf(atLeast(1.4), [1.3, 1.2, 1.5]), 'missed, barely')
    assert.equal(verdictOf(atLeast(1.4), [1.3, 1.2, 1.1]), 'missed')
  })

  it('turns round for an upper limit', () => {
    assert.equal(verdictOf(atMost(1.1), [1, 1.05, 1.1]), 'met')
    assert.equal(verdictOf(atMost(1.1), [1, 1.05, 1.2]), 'met, barely')
    assert.equal(verdictOf(atMost(1.1), [1.2, 1.3, 1.4]), 'missed')
  })
})

group('a fitted law', () => {
  const points = (law: (x: number) => number) => [1, 2, 4, 8, 16, 32].map((x) => ({ x, y: law(x) }))

  it('finds offset and slope of a line', () => {
    const { offset, slope, error } = fitLine(points((x) => 3 + 2 * x))
    assert.ok(Math.abs(offset - 3) < 1e-9 && Math.abs(slope - 2) < 1e-9 && error < 1e-9)
  })

  it('tells a square and a square root beside a constant cost from a line', () => {
    const exponentOf = (law: (x: number) => number) => fitPowerLaw(points(law)).exponent
    assert.ok(Math.abs(exponentOf((x) => 5 + x * x) - 2) < 1e-9)
    assert.ok(Math.abs(exponentOf((x) => 5 + Math.sqrt(x)) - 0.5) < 1e-9)
    assert.ok(Math.abs(exponentOf((x) => 5 + 0.1 * x) - 1) < 1e-9)
  })

  it('is a line through two points', () => {
    assert.equal(
      fitPowerLaw([
        { x: 1, y: 1 },
        { x: 2, y: 9 },
      ]).exponent,
      1,
    )
  })

  it('knows how much dearer the last point is than the first', () => {
    assert.equal(growth(points((x) => 4 * x)), 32)
  })
})

group('rounds', () => {
  it('warm everyone up once, then go forwards and backwards in turn', async () => {
    const calls: string[] = []
    const contestant = (name: string) => ({
      name,
      measure: async (round: number) => {
        calls.push(`${name}${round}`)
        return round
      },
    })
    const found = await alternate([contestant('a'), contestant('b')], 2, () => {})
    assert.deepEqual(calls, ['a-1', 'b-1', 'a0', 'b0', 'b1', 'a1'])
    assert.deepEqual(
      [...found],
      [
        ['a', [0, 1]],
        ['b', [0, 1]],
      ],
    )
  })
})
