import { z } from 'zod'
import { UpstreamError } from '../http/upstream-error.ts'
import type { ReportedTokens } from '../known-law.ts'
import type { EngineToken, StreamPiece } from '../token-engine.ts'

/** [log-probability, id, text]; the log-probability of a token without anything before it is null. */
const entry = z.tuple([z.number().nullable(), z.number().int()], z.unknown())
const entries = z.array(entry)

const generated = z.object({
  output_ids: z.array(z.number().int()).nullish(),
  meta_info: z.object({
    finish_reason: z.looseObject({ type: z.string() }).nullish(),
    completion_tokens: z.number().int(),
    output_token_logprobs: entries.nullish(),
    output_top_logprobs: z.array(entries.nullable()).nullish(),
    input_top_logprobs: z.array(entries.nullable()).nullish(),
    input_token_ids_logprobs: z.array(entries.nullable()).nullish(),
  }),
})

export type SglangReply = z.output<typeof generated>

const failure = z.object({ error: z.object({ message: z.string() }) })

export function parsedReply(upstream: string, value: unknown): SglangReply {
  const failed = failure.safeParse(value)
  if (failed.success) throw broken(upstream, `failed: ${failed.data.error.message}`)
  const parsed = generated.safeParse(value)
  if (parsed.success) return parsed.data
  throw broken(upstream, `sent what is no generation: ${z.prettifyError(parsed.error)}`)
}

/** The replies to several prompts, in order. */
export function parsedReplies(upstream: string, value: unknown, count: number): readonly SglangReply[] {
  const replies = Array.isArray(value) ? value.map((one) => parsedReply(upstream, one)) : []
  if (replies.length === count) return replies
  throw broken(upstream, `sent ${replies.length} generations instead of ${count}`)
}

/**
 * The last `count` tokens that were drawn. The log-probabilities name every one, the ids may leave out the token that ended it.
 * @param top most likely tokens that were asked for
 */
export function lastTokens(
  upstream: string,
  { output_ids, meta_info }: SglangReply,
  count: number,
  top: number,
): EngineToken[] {
  const drawn = meta_info.output_token_logprobs ?? []
  const tops = meta_info.output_top_logprobs ?? []
  if (drawn.length < count) throw broken(upstream, `sent ${drawn.length} log-probabilities for ${count} tokens`)
  const ids = drawn.map(([, id]) => id)
  const told = output_ids?.slice(-ids.length) ?? ids
  if (!told.every((id, i) => id === ids[ids.length - told.length + i]) && !told.every((id, i) => id === ids[i]))
    throw broken(upstream, 'sent log-probabilities of other tokens than it drew')
  return drawn.slice(drawn.length - count).map(([logprob, id], i) => {
    if (logprob === null) throw broken(upstream, `sent no log-probability of token ${id}`)
    const row = tops[tops.length - count + i] ?? []
    if (row.length < top)
      throw broken(upstream, `sent ${row.length} log-probabilities of a token's alternatives instead of ${top}`)
    return { id, logprob, top: reported(upstream, row) }
  })
}

/** Most likely first, lowest id on ties. */
export function reported(upstream: string, row: z.output<typeof entries>): ReportedTokens {
  const found = row.map(([logprob, id]) => {
    if (logprob === null) throw broken(upstream, `sent no log-probability of token ${id}`)
    return { id, logprob }
  })
  found.sort((a, b) => b.logprob - a.logprob || a.id - b.id)
  return { ids: found.map(({ id }) => id), logprobs: found.map(({ logprob }) => logprob) }
}

export function finishOf(upstream: string, { meta_info }: SglangReply): StreamPiece['finish'] {
  const type = meta_info.finish_reason?.type
  if (type === undefined || type === 'stop' || type === 'length') return type
  throw broken(upstream, `ended an answer with '${type}'`)
}

export const broken = (upstream: string, what: string): UpstreamError => new UpstreamError('protocol', upstream, what)
