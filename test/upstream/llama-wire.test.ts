import assert from 'node:assert/strict'
import { test } from 'node:test'
import { llamaTokens, parsedLlamaReply } from '../../src/decoding/upstream/llama/llama-wire.ts'

/** Which of the tokens drawn get a law, told by its log-probability: the server numbers its reports from -1 down. */
function laws(tokens: readonly number[], reported: readonly number[]) {
  const completion_probabilities = reported.map((id, index) => {
    return { id, logprob: -1 - index, top_logprobs: [{ id, logprob: -1 - index }] }
  })
  const reply = parsedLlamaReply('llama', { tokens, completion_probabilities })
  return llamaTokens('llama', reply, 1).map(({ law }) => law?.logprob)
}

test('a report of llama-server goes to the one token that it can belong to', () => {
  assert.deepEqual(laws([1, 2, 3], [1, 2, 3]), [-1, -2, -3])
  assert.deepEqual(laws([5, 5], [5, 5]), [-1, -2])
  // as a real server answers to 'x😀ぁぁya'
  const answer = [104, 10813, 242, 218, 7365, 219, 7365, 219, 5488]
  const none = undefined
  assert.deepEqual(laws(answer, [104, 218, 219, 219, 5488]), [-1, none, none, -2, none, -3, none, -4, -5])
})

test('a report of llama-server that could be of several tokens is of none', () => {
  // U+3618 ends with the same byte twice, and only the last one is reported
  assert.deepEqual(laws([174, 242, 242], [242]), [undefined, undefined, undefined])
  assert.deepEqual(laws([9, 174, 242, 242, 8], [9, 242, 8]), [-1, undefined, undefined, undefined, -3])
})

test('a report of a token that was not drawn, or drawn elsewhere, is an error', () => {
  assert.throws(() => laws([1, 2], [3]), /token 3, which it did not draw/)
  assert.throws(() => laws([1, 2], [2, 1]), /token 1, which it did not draw/)
})
