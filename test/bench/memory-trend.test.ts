import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memoryTrend } from '../../bench/soak/memory-trend.ts'

const run = (megabytes: (index: number) => number) =>
  memoryTrend(Array.from({ length: 60 }, (_, index) => ({ minutes: index / 2, megabytes: megabytes(index) })))

describe('memory of a soak run', () => {
  it('is flat where only the warm-up grows', () => {
    assert.deepEqual(
      run((i) => 200 + 10 * Math.min(i, 14)),
      { before: 340, after: 340, flat: true },
    )
  })

  it('is flat where it goes up and down', () => {
    assert.ok(run((i) => 200 + 30 * (i % 3)).flat)
  })

  it('grows where a leak outlasts the warm-up', () => {
    const { before, after, flat } = run((i) => 200 + i)
    assert.ok(!flat)
    assert.equal(after - before, 30)
  })

  it('cannot be told from a handful of samples', () => {
    assert.throws(() => memoryTrend([{ minutes: 0, megabytes: 1 }]), RangeError)
  })
})
