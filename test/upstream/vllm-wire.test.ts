import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsedReply, tokensOf } from '../../src/decoding/upstream/vllm/vllm-wire.ts'

const choice = (drawn: number, top: Record<string, number>) => {
  const reply = {
    model: 'base',
    choices: [
      {
        index: 0,
        token_ids: [drawn],
        finish_reason: 'length',
        logprobs: { tokens: [`token_id:${drawn}`], token_logprobs: [-2], top_logprobs: [top] },
      },
    ],
  }
  return parsedReply('gpu', reply, 'base')[0]!
}

test('a drawn token that is none of the most likely ones is no part of the row: what a row has must not depend on the draw', () => {
  // an engine may rank equals as it likes: 9 was kept, 3 was drawn and is reported beside
  const [token] = tokensOf('gpu', choice(3, { 'token_id:3': -2, 'token_id:7': -0.2, 'token_id:9': -2 }), 2)
  assert.deepEqual(token!.top, { ids: [7, 9], logprobs: [-0.2, -2] })
  const [likely] = tokensOf('gpu', choice(9, { 'token_id:7': -0.2, 'token_id:9': -2 }), 2)
  assert.deepEqual(likely!.top, { ids: [7, 9], logprobs: [-0.2, -2] })
})

test('-9999 stands for what is impossible', () => {
  const [token] = tokensOf('gpu', choice(7, { 'token_id:7': -0.2, 'token_id:9': -9999 }), 2)
  assert.deepEqual(token!.top.logprobs, [-0.2, Number.NEGATIVE_INFINITY])
})

test('a failure in the middle of a stream is told in its own words', () => {
  assert.throws(
    () => parsedReply('gpu', { error: { message: 'CUDA out of memory' } }, 'base'),
    /failed: CUDA out of memory/,
  )
})
