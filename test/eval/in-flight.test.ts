import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { inFlight } from '../../eval/in-flight.ts'

describe('a bound on what is in flight', () => {
  it('is reached, never exceeded, and survives failures', async () => {
    const limit = inFlight(3)
    let running = 0
    let most = 0
    const task = (index: number) => async () => {
      most = Math.max(most, ++running)
      await pause(index % 3)
      running--
      if (index % 5 === 0) throw new Error(`${index}`)
      return index
    }
    const results = await Promise.allSettled(Array.from({ length: 40 }, (_, index) => limit(task(index))))
    assert.equal(most, 3)
    assert.equal(results.filter(({ status }) => status === 'rejected').length, 8)
    assert.equal(await limit(task(1)), 1)
  })
})
