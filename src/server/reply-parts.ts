import { isUtf8 } from 'node:buffer'
import type { TokenTrace } from '../guidance/trace.ts'
import type { AlignmentReport, GenerationUsage, TokenReport } from './engine-messages.ts'
import { toWireOutcomes } from './outcome-parts.ts'
import { toWireSpeculation } from './speculation-report.ts'

/** House -> wire for the parts that all replies share. */
export function toWireUsage(usage: GenerationUsage) {
  return {
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.promptTokens + usage.completionTokens,
    prompt_tokens_details: { cached_tokens: usage.cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: 0,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  }
}

/** The reply's `alignment` object; a trace of several choices is a list per choice. */
export function toWireAlignment(report: AlignmentReport, seed: number) {
  const { method, tokens, trace, outcomes, speculation } = report
  return {
    method,
    seed,
    tokens: {
      returned: tokens.returned,
      generated: tokens.generated,
      guide: tokens.guide,
      reward_calls: tokens.rewardCalls,
    },
    ...toWireSpeculation(speculation),
    ...toWireOutcomes(outcomes, trace !== undefined),
    ...(trace === undefined ? {} : { trace: toWireTrace(trace) }),
  }
}

function toWireTrace(trace: NonNullable<AlignmentReport['trace']>) {
  const weights = { base_weight: trace.baseWeight, weights: trace.weights }
  const choices = trace.choices.map((tokens) => tokens.map(toWireTokenTrace))
  if (choices.length === 1) return { ...weights, tokens: choices[0]! }
  return { ...weights, choices: choices.map((tokens) => ({ tokens })) }
}

function toWireTokenTrace({ id, text, logprob, baseLogprob, guides, top }: TokenTrace) {
  const alternatives = (top ?? []).map((one) => ({
    id: one.id,
    text: one.text,
    logprob: one.logprob,
    ...(one.baseLogprob === undefined ? {} : { base_logprob: one.baseLogprob, guides: one.guides }),
  }))
  return {
    id,
    text,
    logprob,
    base_logprob: baseLogprob,
    guides,
    ...(alternatives.length === 0 ? {} : { top: alternatives }),
  }
}

/** `choices[].logprobs` of chat completions. */
export function toChatLogprobs(tokens: readonly TokenReport[]) {
  const content = tokens.map(({ token, logprob, bytes, top }) => ({
    token,
    logprob,
    bytes,
    top_logprobs: top.map((one) => ({ token: one.token, logprob: one.logprob, bytes: one.bytes })),
  }))
  return { content, refusal: null }
}

/** `choices[].logprobs` of completions; offsets count from the start of the answer, `textLength` being what came before. */
export function toCompletionLogprobs(tokens: readonly TokenReport[], textLength: number) {
  return {
    tokens: tokens.map(completionToken),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => topByText(top)),
    text_offset: textOffsets(tokens, textLength),
  }
}

/** Two tokens can have one text, such as a special token and its name in plain letters: the more likely one is kept. */
function topByText(top: TokenReport['top']): Readonly<Record<string, number>> {
  const found = new Map<string, number>()
  for (const one of top) {
    const text = completionToken(one)
    if (!found.has(text)) found.set(text, one.logprob)
  }
  return Object.fromEntries(found)
}

/** A token's text, or `bytes:\xe2\x80` where it is no whole characters, as OpenAI writes it. */
function completionToken({ token, bytes }: Pick<TokenReport, 'token' | 'bytes'>): string {
  if (isUtf8(Uint8Array.from(bytes))) return token
  return `bytes:${bytes.map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')}`
}

function textOffsets(tokens: readonly TokenReport[], textLength: number): readonly number[] {
  // A character cut in two is counted where its last byte comes.
  const decoder = new TextDecoder()
  let offset = textLength
  return tokens.map(({ bytes }) => {
    const start = offset
    offset += decoder.decode(Uint8Array.from(bytes), { stream: true }).length
    return start
  })
}
