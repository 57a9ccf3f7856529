import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { replacePart } from '../../loadtest/load-results.ts'
import { parseReplyLines, type ReplyLine } from '../../loadtest/reply-line.ts'
import { failuresByKind, groupBy, secondsOf, summarise } from '../../loadtest/summary.ts'

const reply = (change: Partial<ReplyLine> = {}): ReplyLine => ({
  at: 10_000,
  stage: '4',
  method: 'plain',
  kind: 'ok',
  status: 200,
  ms: 1000,
  waiting_ms: 100,
  text: [100, 110, 130],
  returned: 3,
  generated: 12,
  ...change,
})

describe('the summary of a load test', () => {
  it('counts answers and generated tokens a second, and leaves what failed out of both', () => {
    const summary = summarise('plain', [reply(), reply(), reply({ kind: '429 rate_limit_exceeded', text: [] })], 2)
    assert.equal(summary.requests, 3)
    assert.equal(summary.succeeded, 2)
    assert.equal(summary.answersPerSecond, 1)
    assert.equal(summary.tokensPerSecond, 12)
  })

  it('takes first tokens and gaps from the times the server told', () => {
    const { ttft, interToken, whole } = summarise('plain', [reply(), reply({ text: [50, 90], ms: 3000 })], 1)
    assert.deepEqual(ttft, { p50: 100, p95: 100, p99: 100 })
    assert.deepEqual(interToken, { p50: 20, p95: 40, p99: 40 })
    assert.equal(whole?.p99, 3000)
  })

  it('has no quantiles where nothing was answered', () => {
    assert.equal(summarise('plain', [reply({ kind: 'cut' })], 1).ttft, undefined)
  })

  it('counts failures by kind, the commonest first', () => {
    const replies = ['cut', '429 rate_limit_exceeded', 'ok', '429 rate_limit_exceeded'].map((kind) => reply({ kind }))
    assert.deepEqual(
      [...failuresByKind(replies)],
      [
        ['429 rate_limit_exceeded', 2],
        ['cut', 1],
      ],
    )
  })

  it('lasts from the first request to the last reply', () => {
    assert.equal(secondsOf([reply(), reply({ at: 14_000, ms: 500 })]), 5)
  })

  it('keeps groups in the order in which they appear', () => {
    const groups = groupBy([reply({ stage: '8' }), reply({ stage: '4' }), reply({ stage: '8' })], ({ stage }) => stage)
    assert.deepEqual(
      [...groups].map(([name, { length }]) => [name, length]),
      [
        ['8', 2],
        ['4', 1],
      ],
    )
  })
})

describe('what k6 prints', () => {
  it('is one reply a line', () => {
    assert.deepEqual(parseReplyLines(`${JSON.stringify(reply())}\n\n`), [reply()])
  })

  it('is refused when it is anything else', () => {
    assert.throws(() => parseReplyLines('{"level":"error"}\n'), /not a reply/)
  })
})

describe('the page of load tests', () => {
  const page = 'a\n<!-- loadtest ramp: begin -->\nold\n<!-- loadtest ramp: end -->\nb'

  it('has the part of one test replaced', () => {
    const replaced = replacePart(page, 'ramp', 'new')
    assert.match(replaced, /^a\n<!-- loadtest ramp: begin -->\n\nnew\n\n<!-- loadtest ramp: end -->\nb$/)
  })

  it('must have the marks of the test', () => {
    assert.throws(() => replacePart(page, 'soak', 'new'), /needs the lines <!-- loadtest soak/)
  })
})
