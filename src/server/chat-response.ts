import { randomUUID } from 'node:crypto'
import type { Answer, Answers } from './answers.ts'
import type { TokenReport, ToolCallPiece } from './engine-messages.ts'
import type { ReplyIdentity } from './reply-identity.ts'
import { toChatLogprobs, toWireAlignment, toWireUsage } from './reply-parts.ts'
import { frame } from './sse.ts'
import type { ReplyWriter } from './stream-reply.ts'

/** What of the request shapes its reply. */
export interface ReplyShape {
  readonly choiceCount: number
  readonly logprobs: boolean
  readonly includeUsage: boolean
  /** Reported back when alignment was asked for. */
  readonly seed: number
}

/** The whole reply of a chat completion. */
export function chatCompletion(identity: ReplyIdentity, answers: Answers, shape: ReplyShape) {
  return {
    id: identity.id,
    object: 'chat.completion',
    created: identity.created,
    model: identity.model,
    system_fingerprint: identity.systemFingerprint,
    choices: answers.choices.map((answer, index) => chatChoice(answer, index, shape)),
    usage: toWireUsage(answers.usage),
    ...(answers.alignment === undefined ? {} : { alignment: toWireAlignment(answers.alignment, shape.seed) }),
  }
}

function chatChoice(answer: Answer, index: number, shape: ReplyShape) {
  return {
    index,
    message: { role: 'assistant', ...contentOf(answer), refusal: null },
    logprobs: shape.logprobs ? toChatLogprobs(answer.tokens) : null,
    finish_reason: toWireFinish(answer.finishReason),
  }
}

/** Beside calls, an answer without text has no content. */
function contentOf({ text, calls }: Answer) {
  if (calls.length === 0) return { content: text }
  const toolCalls = calls.map((call) => ({ id: callId(), type: 'function', function: call }))
  return { content: text === '' ? null : text, tool_calls: toolCalls }
}

const callId = (): string => `call_${randomUUID().replaceAll('-', '')}`

const toWireFinish = (reason: Answer['finishReason']): string => (reason === 'tool-calls' ? 'tool_calls' : reason)

/** Deltas of calls: the first of each has its id and name. */
function callDeltas(calls: readonly ToolCallPiece[]) {
  return calls.map(({ call, name, arguments: text }) => {
    if (name === undefined) return { index: call, function: { arguments: text } }
    return { index: call, id: callId(), type: 'function', function: { name, arguments: text } }
  })
}

function deltaWithCalls(text: string, calls: readonly ToolCallPiece[]): string {
  const content = text === '' ? '' : `"content":${JSON.stringify(text)},`
  return `${content}"tool_calls":${JSON.stringify(callDeltas(calls))}`
}

/** The frames of a streamed chat completion. */
export function chatWriter(identity: ReplyIdentity, shape: ReplyShape): ReplyWriter {
  const envelope = {
    id: identity.id,
    object: 'chat.completion.chunk',
    created: identity.created,
    model: identity.model,
    system_fingerprint: identity.systemFingerprint,
  }
  const usageNull = shape.includeUsage ? { usage: null } : {}
  const chunk = (choices: readonly unknown[], more: object) => frame({ ...envelope, choices, ...usageNull, ...more })
  // Serialised once: a content chunk then costs one JSON.stringify of its text.
  const head = `data: ${JSON.stringify(envelope).slice(0, -1)},"choices":[{"index":`
  const tail = `,"finish_reason":null}]${shape.includeUsage ? ',"usage":null' : ''}}\n\n`
  const logprobs = (tokens: readonly TokenReport[] | undefined) =>
    shape.logprobs ? JSON.stringify(toChatLogprobs(tokens ?? [])) : 'null'
  return {
    opening: (index) =>
      chunk(
        [{ index, delta: { role: 'assistant', content: '', refusal: null }, logprobs: null, finish_reason: null }],
        {},
      ),
    delta: ({ index, text, tokens, calls }) => {
      const delta = calls === undefined ? `"content":${JSON.stringify(text)}` : deltaWithCalls(text, calls)
      return `${head}${index},"delta":{${delta}},"logprobs":${logprobs(tokens)}${tail}`
    },
    choiceEnd: ({ index, finishReason }, alignment) =>
      chunk(
        [{ index, delta: {}, logprobs: null, finish_reason: toWireFinish(finishReason) }],
        alignment === undefined ? {} : { alignment: toWireAlignment(alignment, shape.seed) },
      ),
    usage: (usage) => frame({ ...envelope, choices: [], usage: toWireUsage(usage) }),
  }
}
