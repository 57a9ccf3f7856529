import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import type { GenerationRequest } from '../../src/server/engine-messages.ts'
import { eventSize } from '../../src/server/event-size.ts'
import type { PlannedPrompt } from '../../src/server/plan-generation.ts'
import { refuseHugeReply } from '../../src/server/reply-size.ts'

interface Asked {
  readonly n: number
  readonly maxTokens: number
  readonly topLogprobs?: number
  readonly trace?: boolean
  readonly streamed?: boolean
}

/** With two guides and a bound of 100,000. */
function plan({ n, maxTokens, topLogprobs, trace = false, streamed = false }: Asked): void {
  const sampling = { ...plainSampling, maxTokens, topLogprobs, trace }
  const prompt = { request: { sampling }, alignment: { readings: [{}, {}] } } as unknown as PlannedPrompt
  const request = { n, sampling, replyLimit: { streamed, heldLogprobs: 100_000 } } as unknown as GenerationRequest
  refuseHugeReply(request, [prompt])
}

function refusal(asked: Asked): InvalidRequestError {
  try {
    plan(asked)
  } catch (error) {
    if (error instanceof InvalidRequestError) return error
  }
  return assert.fail('it was not refused')
}

describe('a reply that would fill the memory before any of it is sent', () => {
  it('is refused with the numbers and the remedy', () => {
    const { message, param } = refusal({ n: 10, maxTokens: 1000, topLogprobs: 20 })
    assert.equal(param, 'logprobs')
    assert.match(message, /10000 tokens .* of 21 log-probabilities each are 210000; a reply holds at most 100000/)
    assert.match(message, /Stream the answer, or lower n, max_tokens or top_logprobs/)
  })

  it('is not one that is streamed, nor one of texts alone', () => {
    plan({ n: 10, maxTokens: 1000, topLogprobs: 20, streamed: true })
    plan({ n: 128, maxTokens: 100_000 })
    plan({ n: 4, maxTokens: 1000, topLogprobs: 20 })
  })

  it('is a huge trace even when streamed, as it comes at the end', () => {
    const { message, param } = refusal({ n: 10, maxTokens: 1000, topLogprobs: 20, trace: true, streamed: true })
    assert.equal(param, 'alignment.trace')
    assert.match(message, /84 log-probabilities each are 840000/)
    assert.match(message, /Leave out the trace/)
    plan({ n: 10, maxTokens: 1000, trace: true })
  })
})

describe('the size of an event that waits', () => {
  it('grows with its text and its log-probabilities', () => {
    const one = { token: 'a', bytes: [97], logprob: -1 }
    const bare = eventSize({ type: 'choice-delta', index: 0, text: 'a', tokens: undefined })
    const full = eventSize({ type: 'choice-delta', index: 0, text: 'a', tokens: [{ ...one, top: [one, one] }] })
    assert.ok(full > bare + 3 * 100)
  })
})
