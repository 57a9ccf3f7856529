import { randomInt } from 'node:crypto'
import type { z } from 'zod'
import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'
import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import { type ChatRequest, toolChoiceOf } from './chat-request.ts'
import type { CompletionRequest } from './completion-request.ts'
import type { GenerationRequest, OfferedTools, Prompt } from './engine-messages.ts'
import { grammarOfFormat, grammarOfTextFormat } from './response-format.ts'
import { asksForLogprobs, type ResponsesRequest } from './responses-request.ts'
import type { sharedBody } from './sampling-fields.ts'
import { toolOffer, toToolCall } from './tool-fields.ts'

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
    grammar: grammarOfFormat(body.response_format),
    ...chatTools(body),
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

/** Wire -> house for responses. */
export function responsesToGeneration(body: ResponsesRequest, context: GenerationContext): GenerationRequest {
  return {
    ...common({ n: 1 }, context),
    prompts: [{ type: 'messages', messages: inputMessages(body) }],
    grammar: grammarOfTextFormat(body.text?.format),
    sampling: {
      ...toSampling(body, context),
      maxTokens: body.max_output_tokens,
      topLogprobs: asksForLogprobs(body) ? body.top_logprobs : undefined,
    },
  }
}

function chatTools(body: ChatRequest): { readonly tools?: OfferedTools } {
  const functions = body.tools?.map((tool) => tool.function)
  const offer = toolOffer(functions, toolChoiceOf(body) ?? 'auto', body.parallel_tool_calls)
  return offer === undefined ? {} : { tools: { offer, param: 'tools[*].function.parameters' } }
}

function inputMessages({ input, instructions }: ResponsesRequest): readonly ChatMessage[] {
  const system = instructions === undefined ? [] : [{ role: 'system', content: instructions }]
  if (typeof input === 'string') return [...system, { role: 'user', content: input }]
  return [...system, ...input.map(({ role, content }) => toChatMessage({ role, content }))]
}

type SharedBody = z.output<typeof sharedBody>

function common(body: Pick<SharedBody, 'n'>, context: GenerationContext) {
  const { model, alignment, defaultMaxTokens } = context
  return { model, alignment, defaultMaxTokens, n: body.n }
}

function toSampling(body: Omit<SharedBody, 'n' | 'stream_options'>, context: GenerationContext) {
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

interface WireMessage {
  readonly role: string
  readonly content?: string | readonly { readonly text: string }[] | null | undefined
  readonly name?: string | null | undefined
  readonly tool_call_id?: string | null | undefined
  readonly tool_calls?: readonly Parameters<typeof toToolCall>[0][] | null | undefined
}

export function toChatMessage(message: WireMessage): ChatMessage {
  const { content, name, tool_call_id, tool_calls } = message
  return {
    role: message.role === 'developer' ? 'system' : message.role,
    content: typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('\n'),
    ...(name == null ? {} : { name }),
    ...(tool_call_id == null ? {} : { tool_call_id }),
    ...(tool_calls == null || tool_calls.length === 0 ? {} : { tool_calls: tool_calls.map(toToolCall) }),
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
