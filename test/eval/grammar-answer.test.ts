import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readGrammar } from '../../eval/grammar.ts'
import { drawSumAnswer, drawTalkAnswer } from '../../eval/grammar-answer.ts'
import { grammarChecker } from '../../eval/grammar-checker.ts'
import { sumLogprob, talkLogprob } from '../../eval/grammar-law.ts'
import { readHeldOut } from '../../eval/held-out.ts'
import { checkSum } from '../../eval/sum-checker.ts'
import { uniform } from '../../src/decoding/rng.ts'

const grammar = readGrammar('models/tiny')
const heldOut = readHeldOut('models/tiny')
const checker = grammarChecker(grammar)
let counter = 0
const rng = () => uniform(5n, counter++)

describe("answers drawn from the grammar's law", () => {
  it('are on the subject and inside the support of the exact law', () => {
    for (const { meta } of heldOut.talk) {
      const text = drawTalkAnswer(meta, grammar, rng)
      assert.ok(checker.judge(text, meta).onSubject, text)
      assert.ok(Number.isFinite(talkLogprob(text, meta, grammar, checker)), text)
    }
  })

  it('are as frequent as the exact law says', () => {
    const { meta } = heldOut.sums.find(({ meta }) => meta.operators.length === 2)!
    const counts = new Map<string, number>()
    for (let i = 0; i < 4000; i++) {
      const text = drawSumAnswer(meta, grammar, rng)
      counts.set(text, (counts.get(text) ?? 0) + 1)
    }
    for (const [text, count] of counts) {
      const p = Math.exp(sumLogprob(text, meta, grammar)!)
      assert.ok(Math.abs(count / 4000 - p) < 5 * Math.sqrt((p * (1 - p)) / 4000), `${text}: ${count / 4000} for ${p}`)
    }
  })

  it('are sums that are well-formed and not always right', () => {
    const verdicts = heldOut.sums.map(({ meta }) => checkSum(drawSumAnswer(meta, grammar, rng), meta))
    assert.ok(verdicts.every(({ wellFormed }) => wellFormed))
    const sound = verdicts.filter((verdict) => verdict.sound).length / verdicts.length
    assert.ok(sound > 0.15 && sound < 0.4, `${sound}`)
  })
})
