import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyPenalties, hasPenalties, TokenHistory } from '../../src/decoding/penalties.ts'
import { samplingParams } from './params.ts'

function historyOf(prompt: number[], answer: number[]): TokenHistory {
  const history = new TokenHistory(prompt)
  for (const id of answer) history.add(id)
  return history
}

test('presence and frequency count the answer only', () => {
  const logits = Float64Array.of(1, 1, 1, 1)
  applyPenalties(logits, samplingParams({ presencePenalty: 0.5, frequencyPenalty: 0.25 }), historyOf([0], [1, 2, 2]))
  assert.deepEqual(Array.from(logits), [1, 0.25, 0, 1])
})

test('repetition divides positive and multiplies negative logits, of prompt and answer, once each', () => {
  const logits = Float64Array.of(2, -2, 2, Number.NEGATIVE_INFINITY)
  applyPenalties(logits, samplingParams({ repetitionPenalty: 2 }), historyOf([0, 0, 3], [1, 1]))
  assert.deepEqual(Array.from(logits), [1, -4, 2, Number.NEGATIVE_INFINITY])
})

test('logit_bias adds after the penalties and works on tokens never seen', () => {
  const logits = Float64Array.of(2, 2)
  const params = samplingParams({
    repetitionPenalty: 2,
    logitBias: new Map([
      [0, 10],
      [1, -100],
    ]),
  })
  applyPenalties(logits, params, historyOf([0], []))
  assert.deepEqual(Array.from(logits), [11, -98])
})

test('a bias outside the vocabulary is refused', () => {
  const params = samplingParams({ logitBias: new Map([[2, 1]]) })
  assert.throws(() => applyPenalties(Float64Array.of(0, 0), params, historyOf([], [])), { param: 'logit_bias' })
})

test('a clone goes its own way', () => {
  const parent = historyOf([0], [1])
  const child = parent.clone()
  child.add(1)
  child.add(2)
  assert.equal(parent.answerCounts.get(1), 1)
  assert.equal(parent.seen.has(2), false)
  assert.equal(child.answerCounts.get(1), 2)
  assert.equal(child.answerCounts.has(0), false)
})

test('hasPenalties is false exactly when nothing could change', () => {
  assert.equal(hasPenalties(samplingParams()), false)
  const active = [
    { presencePenalty: 0.1 },
    { frequencyPenalty: -0.1 },
    { repetitionPenalty: 1.1 },
    { logitBias: new Map([[0, 1]]) },
  ]
  for (const changes of active) assert.equal(hasPenalties(samplingParams(changes)), true)
})
