import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { outcomeOf, tally } from '../../loadtest/faults/chat-client.ts'
import { statusTable } from '../../loadtest/faults/fuzz.ts'

const error =
  '{"error":{"message":"The engine process ended.","type":"server_error","param":null,"code":"engine_error"}}'
const chunk = 'data: {"choices":[]}\n\n'

describe('how a request ended', () => {
  const cases: readonly (readonly [what: string, status: number, text: string, outcome: string])[] = [
    ['a whole reply', 200, '{"object":"chat.completion"}', 'answer'],
    ['a stream with its end', 200, `: waiting\n\n${chunk}data: [DONE]\n\n`, 'answer'],
    ['a stream that ends with an error', 200, `${chunk}data: ${error}\n\n`, 'error frame'],
    ['a stream that just ends', 200, chunk, 'cut'],
    ['an error object', 503, error, 'error status'],
    ['an error that is none of ours', 502, '<html>', 'cut'],
    ['an error as a success', 200, error, 'cut'],
  ]
  for (const [what, status, text, outcome] of cases) {
    it(`${what} is ${outcome}`, () => assert.equal(outcomeOf(status, text), outcome))
  }

  it('is counted', () => {
    assert.equal(tally(['answer', 'error frame', 'answer']), '2 answer, 1 error frame')
  })
})

describe('the table of a fuzz run', () => {
  it('counts statuses by route', () => {
    const lines = ['GET /v1/models/{id} 404', 'POST /v1/completions 400', 'GET /v1/models/{id} 404']
    const rows = statusTable(lines).split('\n').slice(2)
    assert.deepEqual(rows, ['| GET /v1/models/{id} | 404 | 2 |', '| POST /v1/completions | 400 | 1 |'])
  })
})
