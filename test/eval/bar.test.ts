import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { atLeast, atMost, verdictOf } from '../../eval/bar.ts'

describe('a verdict', () => {
  const around = (estimate: number) => ({ estimate, low: estimate - 0.1, high: estimate + 0.1 })

  it('says when the interval leaves it open', () => {
    assert.equal(verdictOf(atLeast(0.5, '', around(0.7))), 'met')
    assert.equal(verdictOf(atLeast(0.5, '', around(0.55))), 'met, barely')
    assert.equal(verdictOf(atLeast(0.5, '', around(0.45))), 'missed, barely')
    assert.equal(verdictOf(atLeast(0.5, '', around(0.3))), 'missed')
  })

  it('turns round for a bar that is an upper limit', () => {
    assert.equal(verdictOf(atMost(0.5, '', around(0.3))), 'met')
    assert.equal(verdictOf(atMost(0.5, '', around(0.7))), 'missed')
  })
})
