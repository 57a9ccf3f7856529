import type { Answers } from './answers.ts'
import type { ReplyShape } from './chat-response.ts'
import type { ReplyIdentity } from './reply-identity.ts'
import { toCompletionLogprobs, toWireAlignment, toWireUsage } from './reply-parts.ts'
import { frame } from './sse.ts'
import type { ReplyWriter } from './stream-reply.ts'

/** The whole reply of a text completion. */
export function textCompletion(identity: ReplyIdentity, answers: Answers, shape: ReplyShape) {
  return {
    ...envelopeOf(identity),
    choices: answers.choices.map((answer, index) => ({
      text: answer.text,
      index,
      logprobs: shape.logprobs ? toCompletionLogprobs(answer.tokens, 0) : null,
      finish_reason: answer.finishReason,
    })),
    usage: toWireUsage(answers.usage),
    ...(answers.alignment === undefined ? {} : { alignment: toWireAlignment(answers.alignment, shape.seed) }),
  }
}

/** The frames of a streamed text completion. */
export function completionWriter(identity: ReplyIdentity, shape: ReplyShape): ReplyWriter {
  const envelope = envelopeOf(identity)
  const usageNull = shape.includeUsage ? { usage: null } : {}
  const offsets = new Map<number, number>()
  return {
    opening: () => '',
    delta: ({ index, text, tokens = [] }) => {
      const offset = offsets.get(index) ?? 0
      offsets.set(index, offset + text.length)
      const logprobs = shape.logprobs ? toCompletionLogprobs(tokens, offset) : null
      return frame({ ...envelope, choices: [{ text, index, logprobs, finish_reason: null }], ...usageNull })
    },
    choiceEnd: ({ index, finishReason }, alignment) =>
      frame({
        ...envelope,
        choices: [{ text: '', index, logprobs: null, finish_reason: finishReason }],
        ...usageNull,
        ...(alignment === undefined ? {} : { alignment: toWireAlignment(alignment, shape.seed) }),
      }),
    usage: (usage) => frame({ ...envelope, choices: [], usage: toWireUsage(usage) }),
  }
}

function envelopeOf(identity: ReplyIdentity) {
  return {
    id: identity.id,
    object: 'text_completion',
    created: identity.created,
    model: identity.model,
    system_fingerprint: identity.systemFingerprint,
  }
}
