import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { principleReport } from '../../eval/principle-report.ts'

const answer = (text: string, tokens: number, finished = true) => ({
  text,
  tokens,
  finished,
  logprob: 0,
  baseLogprob: 0,
})

describe("a principle's report", () => {
  const report = principleReport(
    [
      { question: 'Why | how?', answers: [answer('One\ntwo', 10), answer('One', 5)] },
      { question: 'What?', answers: [answer('word '.repeat(90), 200, false), answer('Word.', 100)] },
    ],
    { model: 'some-model', principle: 'Be brief.', weights: [0, 1.5], maxTokens: 200 },
  )

  it('says how much shorter answers are, and how many came to their end', () => {
    assert.match(report, /\| 0 \| 105\.0 \| {2}\| 1 of 2 \|/)
    assert.match(report, /\| 1\.5 \| 52\.5 \| 50 % \[50 %, 50 %\] \| 2 of 2 \|/)
  })

  it('keeps the table whole whatever the answers hold', () => {
    assert.match(report, /\| Why \\\| how\? \| One<br>two \*\(10\)\* \| One \*\(5\)\* \|/)
  })

  it('cuts long answers visibly', () => {
    assert.match(report, /word \[…\] \*\(200\)\*/)
  })
})
