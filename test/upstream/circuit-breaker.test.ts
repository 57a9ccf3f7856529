import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreaker } from '../../src/decoding/upstream/http/circuit-breaker.ts'
import { RetryBudget } from '../../src/decoding/upstream/http/retry-budget.ts'

function breakerAt(start: number) {
  const clock = { now: start }
  return { clock, breaker: new CircuitBreaker({ failures: 2, openMs: 1000 }, () => clock.now) }
}

function fail(breaker: CircuitBreaker): void {
  breaker.begin()
  breaker.fail()
}

describe('the circuit breaker', () => {
  it('opens after so many failures in a row, a success between them starts anew', () => {
    const { breaker } = breakerAt(0)
    fail(breaker)
    breaker.begin()
    breaker.succeed()
    fail(breaker)
    assert.ok(breaker.admits)
    fail(breaker)
    assert.ok(!breaker.admits)
    assert.equal(breaker.waitMs, 1000)
  })

  it('lets one call try when the wait is over, and its outcome decides', () => {
    const { clock, breaker } = breakerAt(0)
    fail(breaker)
    fail(breaker)
    clock.now = 999
    assert.ok(!breaker.admits)
    clock.now = 1000
    assert.ok(breaker.admits)
    breaker.begin()
    assert.ok(!breaker.admits, 'only one')
    breaker.fail()
    assert.equal(breaker.waitMs, 1000)
    clock.now = 2000
    breaker.begin()
    breaker.succeed()
    assert.ok(breaker.admits)
    breaker.begin()
    assert.ok(breaker.admits, 'closed: any number')
  })

  it('a trial whose client left decides nothing, and the next may try', () => {
    const { clock, breaker } = breakerAt(0)
    fail(breaker)
    fail(breaker)
    clock.now = 1000
    breaker.begin()
    breaker.abandon()
    assert.ok(breaker.admits)
  })

  it('a clock that jumps back keeps it open for one more wait, not for ever; one that jumps ahead opens it early', () => {
    const { clock, breaker } = breakerAt(1_000_000)
    fail(breaker)
    fail(breaker)
    clock.now = 0
    assert.equal(breaker.waitMs, 1000)
    clock.now = 1000
    assert.ok(breaker.admits)
    fail(breaker)
    clock.now = 10 ** 12
    assert.ok(breaker.admits)
  })
})

describe('the retry budget', () => {
  it('is the reserve at first, then a share of the calls', () => {
    const budget = new RetryBudget({ ratio: 0.25, reserve: 2 })
    assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false])
    for (let i = 0; i < 3; i++) budget.payIn()
    assert.ok(!budget.take())
    budget.payIn()
    assert.deepEqual([budget.take(), budget.take()], [true, false])
  })

  it('saves no more than the reserve', () => {
    const budget = new RetryBudget({ ratio: 1, reserve: 2 })
    for (let i = 0; i < 100; i++) budget.payIn()
    assert.deepEqual([budget.take(), budget.take(), budget.take()], [true, true, false])
  })
})
