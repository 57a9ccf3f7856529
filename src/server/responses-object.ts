import type { Answer, Answers } from './answers.ts'
import type { GenerationUsage } from './engine-messages.ts'
import type { ReplyIdentity } from './reply-identity.ts'
import { toChatLogprobs, toWireAlignment } from './reply-parts.ts'
import type { ResponsesRequest } from './responses-request.ts'

/** The one answer of a response, as far as it has come. */
export type AnswerSoFar = Pick<Answer, 'text' | 'tokens'> & {
  readonly finishReason: Answer['finishReason'] | undefined
}

/** What a response is made of: the request it repeats, and its name. */
export interface ResponseFrame {
  readonly identity: ReplyIdentity
  readonly body: ResponsesRequest
  readonly logprobs: boolean
  /** Reported back when alignment was asked for. */
  readonly seed: number
}

type Status = 'in_progress' | 'completed' | 'incomplete'

/** An answer that ran into its limit is incomplete, and so is its response. */
const statusOf = ({ finishReason }: AnswerSoFar): Status => {
  if (finishReason === undefined) return 'in_progress'
  return finishReason === 'length' ? 'incomplete' : 'completed'
}

/** The response before its end: nothing is known of its output. */
export function openResponse({ identity, body }: ResponseFrame) {
  return {
    id: identity.id,
    object: 'response',
    created_at: identity.created,
    status: 'in_progress' as Status,
    background: false,
    completed_at: null as number | null,
    error: null,
    incomplete_details: null as { readonly reason: 'max_output_tokens' } | null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    max_tool_calls: null,
    model: identity.model,
    output: [] as readonly unknown[],
    parallel_tool_calls: body.parallel_tool_calls,
    previous_response_id: null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: 'default',
    store: false,
    temperature: body.temperature,
    text: { format: body.text?.format ?? { type: 'text' }, verbosity: 'medium' },
    tool_choice: body.tool_choice,
    tools: [],
    top_logprobs: body.top_logprobs,
    top_p: body.top_p,
    presence_penalty: body.presence_penalty,
    frequency_penalty: body.frequency_penalty,
    truncation: 'disabled',
    usage: null as object | null,
    user: body.user ?? null,
    metadata: body.metadata,
  }
}

/** The finished response. */
export function finishedResponse(frame: ResponseFrame, answer: Answer, { usage, alignment }: Omit<Answers, 'choices'>) {
  const status = statusOf(answer)
  return {
    ...openResponse(frame),
    status,
    completed_at: status === 'completed' ? Math.floor(Date.now() / 1000) : null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    output: [outputItem(frame, answer)],
    usage: toResponsesUsage(usage),
    ...(alignment === undefined ? {} : { alignment: toWireAlignment(alignment, frame.seed) }),
  }
}

/** The message that is a response's only output; it has no content before it has begun. */
export function outputItem(frame: ResponseFrame, answer: AnswerSoFar | undefined) {
  return {
    id: itemId(frame),
    type: 'message',
    status: answer === undefined ? 'in_progress' : statusOf(answer),
    role: 'assistant',
    content: answer === undefined ? [] : [outputText(frame, answer)],
  }
}

/** The message's only part. */
export function outputText({ logprobs }: ResponseFrame, { text, tokens }: Pick<AnswerSoFar, 'text' | 'tokens'>) {
  return { type: 'output_text', text, annotations: [], logprobs: logprobs ? toChatLogprobs(tokens).content : [] }
}

/** One item a response: it is named like the response. */
export const itemId = ({ identity }: ResponseFrame): string => identity.id.replace(/^resp/, 'msg')

const toResponsesUsage = ({ promptTokens, completionTokens, cachedTokens }: GenerationUsage) => ({
  input_tokens: promptTokens,
  input_tokens_details: { cached_tokens: cachedTokens, cache_write_tokens: 0 },
  output_tokens: completionTokens,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: promptTokens + completionTokens,
})
