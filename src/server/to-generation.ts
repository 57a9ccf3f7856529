import { randomInt } from 'node:crypto'
import type { z } from 'zod'
import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import type { ChatRequest } from './chat-request.ts'
import type { CompletionRequest } from './completion-request.ts'
import type { GenerationRequest, Prompt } from './engine-messages.ts'
import type { sharedBody } from './sampling-fields.ts'

/** What the body alone does not say. */
export interface GenerationContext {
  /** The served model behind the request's name. */
  readonly model: string
  readonly alignment: AlignmentOptions | undefined
  /** The body's seed, or a drawn one. */
  readonly seed: number
  readonly defaultMaxTokens: number
}

/** A seed for a request that names none; small enough to be exact in JSON. */
export function drawSeed(): number {
  return randomInt(2 ** 47)
}

/** Wire -> house for chat completions. */
export function chatToGeneration(body: ChatRequest, context: GenerationContext): GenerationRequest {
  return {
    ...common(body, context),
    prompts: [{ type: 'messages', messages: body.messages.map(toChatMessage) }],
    sampling: {
      ...toSampling(body, context),
      maxTokens: body.max_completion_tokens ?? body.max_tokens,
      topLogprobs: body.logprobs ? (body.top_logprobs ?? 0) : undefined,
    },
  }
}

/** Wire -> house for completions. */
export function completionToGeneration(body: CompletionRequest, context: GenerationContext): GenerationRequest {
  return {
    ...common(body, context),
    prompts: toPrompts(body.prompt),
    sampling: { ...toSampling(body, context), maxTokens: body.max_tokens, topLogprobs: body.logprobs },
  }
}

type SharedBody = z.output<typeof sharedBody>

function common(body: Pick<SharedBody, 'n'>, context: GenerationContext) {
  const { model, alignment, defaultMaxTokens } = context
  return { model, alignment, defaultMaxTokens, n: body.n }
}

function toSampling(body: SharedBody, context: GenerationContext) {
  return {
    temperature: body.temperature,
    topK: body.top_k > 0 ? body.top_k : undefined,
    topP: body.top_p,
    minP: body.min_p,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    repetitionPenalty: body.repetition_penalty,
    logitBias: new Map(Object.entries(body.logit_bias).map(([id, bias]) => [Number(id), bias])),
    seed: BigInt.asUintN(64, BigInt(context.seed)),
    stop: typeof body.stop === 'string' ? [body.stop] : body.stop,
    stopTokenIds: body.stop_token_ids,
    ignoreEos: body.ignore_eos,
    trace: context.alignment?.trace ?? false,
  }
}

export function toChatMessage(message: ChatRequest['messages'][number]): ChatMessage {
  const { content, name, tool_call_id } = message
  return {
    role: message.role === 'developer' ? 'system' : message.role,
    content: typeof content === 'string' ? content : content.map((part) => part.text).join('\n'),
    ...(name == null ? {} : { name }),
    ...(tool_call_id == null ? {} : { tool_call_id }),
  }
}

function toPrompts(prompt: CompletionRequest['prompt']): readonly Prompt[] {
  if (typeof prompt === 'string') return [{ type: 'text', text: prompt }]
  if (isTokenIds(prompt)) return [{ type: 'token-ids', ids: prompt }]
  return prompt.map((one) => (typeof one === 'string' ? { type: 'text', text: one } : { type: 'token-ids', ids: one }))
}

function isTokenIds(prompt: readonly (string | number | readonly number[])[]): prompt is readonly number[] {
  return typeof prompt[0] === 'number'
}
