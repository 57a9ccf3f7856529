import { z } from 'zod'
import { UpstreamError } from '../http/upstream-error.ts'
import type { ReportedTokens } from '../known-law.ts'
import type { EngineToken } from '../token-engine.ts'

const logprobs = z.object({
  tokens: z.array(z.string()),
  token_logprobs: z.array(z.number().nullable()),
  top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
})

const choice = z.object({
  index: z.number().int(),
  token_ids: z.array(z.number().int()).nullish(),
  logprobs: logprobs.nullish(),
  finish_reason: z.string().nullish(),
})

/** A reply, or a chunk of one, of vLLM's /v1/completions. */
export const completionReply = z.object({ model: z.string(), choices: z.array(choice) })

export type CompletionChoice = z.output<typeof choice>

/** What vLLM sends in the middle of a stream when the engine fails. */
const failure = z.object({ error: z.object({ message: z.string() }) })

/** Log-probability that vLLM writes in place of -Infinity, which JSON does not have. */
const impossible = -9999

export function parsedReply(upstream: string, value: unknown, model: string): readonly CompletionChoice[] {
  const failed = failure.safeParse(value)
  if (failed.success) throw broken(upstream, `failed: ${failed.data.error.message}`)
  const parsed = completionReply.safeParse(value)
  if (!parsed.success) throw broken(upstream, `sent what is no completion: ${z.prettifyError(parsed.error)}`)
  if (parsed.data.model !== model)
    throw broken(upstream, `answered for the model '${parsed.data.model}' instead of '${model}'`)
  return parsed.data.choices
}

/**
 * The tokens of a choice or of a piece of it.
 * @param top most likely tokens that were asked for, `Infinity` for the whole vocabulary
 * @throws UpstreamError `protocol` when ids or log-probabilities are missing, fewer than asked, or do not belong together
 */
export function tokensOf(upstream: string, { token_ids: ids, logprobs }: CompletionChoice, top: number): EngineToken[] {
  if (ids == null) throw broken(upstream, 'sent no token ids; trimtab needs vLLM 0.11 or newer')
  if (ids.length === 0) return []
  if (logprobs == null) throw broken(upstream, 'sent no log-probabilities')
  const { tokens, token_logprobs, top_logprobs } = logprobs
  if (token_logprobs.length !== ids.length || top_logprobs.length !== ids.length)
    throw broken(upstream, `sent ${token_logprobs.length} log-probabilities for ${ids.length} tokens`)
  return ids.map((id, i) => {
    if (tokens[i] !== tokenKey(id)) throw broken(upstream, `sent log-probabilities of '${tokens[i]}' for token ${id}`)
    const logprob = token_logprobs[i]
    if (logprob == null) throw broken(upstream, `sent no log-probability of token ${id}`)
    return { id, logprob: finite(logprob), top: topOf(upstream, top_logprobs[i] ?? {}, id, top) }
  })
}

/** The tokens of a piece whose log-probabilities nobody asked for. */
export function bareTokensOf(upstream: string, { token_ids: ids }: CompletionChoice): EngineToken[] {
  if (ids == null) throw broken(upstream, 'sent no token ids; trimtab needs vLLM 0.11 or newer')
  return ids.map((id) => ({ id, logprob: Number.NaN, top: { ids: [], logprobs: [] } }))
}

export const tokenKey = (id: number): string => `token_id:${id}`

/** Most likely first. The drawn token is reported beside the most likely ones when it is none of them. */
function topOf(upstream: string, entries: Record<string, number>, drawn: number, top: number): ReportedTokens {
  const all = entriesOf(upstream, entries)
  const found = all.length > top ? all.filter(({ id }) => id !== drawn) : all
  if (top !== Number.POSITIVE_INFINITY && found.length < top)
    throw broken(upstream, `sent ${found.length} log-probabilities of a token's alternatives instead of ${top}`)
  return { ids: found.map(({ id }) => id), logprobs: found.map(({ logprob }) => logprob) }
}

/** Whatever a position reports, most likely first, lowest id on ties. */
export function reportedOf(upstream: string, entries: Record<string, number>): ReportedTokens {
  const found = entriesOf(upstream, entries)
  return { ids: found.map(({ id }) => id), logprobs: found.map(({ logprob }) => logprob) }
}

function entriesOf(upstream: string, entries: Record<string, number>): { id: number; logprob: number }[] {
  const found = Object.entries(entries).map(([key, logprob]) => ({ id: idOf(upstream, key), logprob: finite(logprob) }))
  return found.sort((a, b) => b.logprob - a.logprob || a.id - b.id)
}

function idOf(upstream: string, key: string): number {
  const digits = /^token_id:(\d+)$/.exec(key)?.[1]
  if (digits === undefined) throw broken(upstream, `named a token '${key}' instead of giving its id`)
  return Number(digits)
}

const finite = (logprob: number): number => (logprob <= impossible ? Number.NEGATIVE_INFINITY : logprob)

export const broken = (upstream: string, what: string): UpstreamError => new UpstreamError('protocol', upstream, what)
