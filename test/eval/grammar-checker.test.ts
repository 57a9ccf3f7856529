import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { readGrammar } from '../../eval/grammar.ts'
import { grammarChecker } from '../../eval/grammar-checker.ts'
import { sumLogprob, talkLogprob } from '../../eval/grammar-law.ts'
import type { SumMeta, TalkMeta } from '../../eval/held-out.ts'
import { checkSum } from '../../eval/sum-checker.ts'

interface TalkCase {
  readonly text: string
  readonly meta: TalkMeta
  readonly wellFormed: boolean
  readonly onSubject: boolean
  readonly positivity: number
  readonly formality: number
  readonly sentences: number
  readonly logprob: number | null
}

interface SumCase {
  readonly text: string
  readonly meta: SumMeta
  readonly wellFormed: boolean
  readonly steps: readonly boolean[]
  readonly answer: number | null
  readonly right: boolean
  readonly sound: boolean
  readonly logprob: number | null
}

const folder = 'models/tiny'
const grammar = readGrammar(folder)
const checker = grammarChecker(grammar)
const cases: { talk: TalkCase[]; sums: SumCase[] } = JSON.parse(readFileSync(`${folder}/checker-cases.json`, 'utf8'))

function assertSameLogprob(actual: number | undefined, expected: number | null, text: string): void {
  if (expected === null) assert.equal(actual, undefined, text)
  else assert.ok(Math.abs(actual! - expected) < 1e-9, `${text}: ${actual} instead of ${expected}`)
}

describe("the checker in TypeScript gives training's recorded verdicts", () => {
  it(`on ${cases.talk.length} reviews and replies`, () => {
    for (const { text, meta, logprob: _, ...expected } of cases.talk) {
      assert.deepEqual(checker.judge(text, meta), expected, JSON.stringify(text))
    }
  })

  it(`on ${cases.sums.length} sums`, () => {
    for (const { text, meta, logprob: _, answer, ...expected } of cases.sums) {
      assert.deepEqual(checkSum(text, meta), { ...expected, answer: answer ?? undefined }, JSON.stringify(text))
    }
  })

  it('with the same exact log-probabilities', () => {
    for (const { text, meta, logprob } of cases.talk) {
      assertSameLogprob(talkLogprob(text, meta, grammar, checker), logprob, text)
    }
    for (const { text, meta, logprob } of cases.sums) assertSameLogprob(sumLogprob(text, meta, grammar), logprob, text)
  })
})

describe('the cases', () => {
  it('hold both verdicts of every kind, so that agreement means something', () => {
    for (const verdict of ['wellFormed', 'onSubject'] as const) {
      assert.equal(new Set(cases.talk.map((one) => one[verdict])).size, 2, verdict)
    }
    for (const verdict of ['wellFormed', 'right', 'sound'] as const) {
      assert.equal(new Set(cases.sums.map((one) => one[verdict])).size, 2, verdict)
    }
  })
})
