import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bestWithin } from '../../eval/equal-tokens.ts'

const pool = [3, 1, 7, 9].map((reward) => ({ text: `${reward}`, reward, tokens: 10 }))

describe('best-of-N at equal tokens', () => {
  it('takes whole answers until it has decoded no fewer tokens', () => {
    assert.deepEqual(bestWithin(20, pool), { answer: pool[0], candidates: 2, tokens: 20 })
    assert.deepEqual(bestWithin(21, pool), { answer: pool[2], candidates: 3, tokens: 30 })
    assert.deepEqual(bestWithin(1, pool), { answer: pool[0], candidates: 1, tokens: 10 })
  })

  it('takes the first of equals, and says when the pool is too small', () => {
    const same = [pool[0]!, { ...pool[0]!, text: 'other' }]
    assert.equal(bestWithin(20, same)!.answer, same[0])
    assert.equal(bestWithin(41, pool), undefined)
  })
})
