import type { AlignmentReport, GenerationUsage, TokenReport } from './engine-messages.ts'

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
  const { method, tokens, trace } = report
  return {
    method,
    seed,
    tokens: {
      returned: tokens.returned,
      generated: tokens.generated,
      guide: tokens.guide,
      reward_calls: tokens.rewardCalls,
    },
    ...(trace === undefined ? {} : { trace: toWireTrace(trace) }),
  }
}

function toWireTrace(trace: NonNullable<AlignmentReport['trace']>) {
  const choices = trace.map((tokens) =>
    tokens.map(({ id, text, logprob, baseLogprob, guides, top }) => {
      return { id, text, logprob, base_logprob: baseLogprob, guides, ...((top?.length ?? 0) === 0 ? {} : { top }) }
    }),
  )
  return choices.length === 1 ? { tokens: choices[0] } : { choices: choices.map((tokens) => ({ tokens })) }
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
  let offset = textLength
  const text_offset = tokens.map(({ token }) => {
    const start = offset
    offset += token.length
    return start
  })
  return {
    tokens: tokens.map(({ token }) => token),
    token_logprobs: tokens.map(({ logprob }) => logprob),
    top_logprobs: tokens.map(({ top }) => Object.fromEntries(top.map(({ token, logprob }) => [token, logprob]))),
    text_offset,
  }
}
