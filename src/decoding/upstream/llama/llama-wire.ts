import { z } from 'zod'
import { UpstreamError } from '../http/upstream-error.ts'
import type { ReportedTokens } from '../known-law.ts'
import type { EngineToken } from '../token-engine.ts'

const entry = z.object({ id: z.number().int(), logprob: z.number() })

/** A whole reply of llama-server's /completion. */
const completionReply = z.object({
  tokens: z.array(z.number().int()),
  completion_probabilities: z.array(entry.extend({ top_logprobs: z.array(entry) })).nullish(),
})

export type LlamaReply = z.output<typeof completionReply>

export function parsedLlamaReply(upstream: string, value: unknown): LlamaReply {
  const parsed = completionReply.safeParse(value)
  if (parsed.success) return parsed.data
  throw broken(upstream, `sent what is no completion: ${z.prettifyError(parsed.error)}`)
}

/** A drawn token; its law is missing where the server reported none. */
export interface LlamaToken {
  readonly id: number
  readonly law: Omit<EngineToken, 'id'> | undefined
}

/**
 * The server reports log-probabilities for tokens that end a character; those inside of one have none. What it reports is in the
 * order of the tokens, so a report belongs to the one token of its id where there is only one that it can belong to. With others
 * (the last two bytes of a character may be the same token) they are left without a law.
 * @param top most likely tokens that were asked for
 * @throws UpstreamError `protocol` when there are fewer of them, or a report belongs to no token
 */
export function llamaTokens(upstream: string, reply: LlamaReply, top: number): readonly LlamaToken[] {
  const reports = reply.completion_probabilities ?? []
  const reported = reports.map(({ id }) => id)
  const earliest = placesInOrder(reply.tokens, reported)
  const missing = earliest.indexOf(undefined)
  if (missing >= 0)
    throw broken(upstream, `sent log-probabilities of token ${reported[missing]}, which it did not draw`)
  const latest = placesInOrder(reply.tokens.toReversed(), reported.toReversed()).toReversed()
  const tokens: LlamaToken[] = reply.tokens.map((id) => ({ id, law: undefined }))
  for (const [index, { id, logprob, top_logprobs }] of reports.entries()) {
    const law = { logprob: finite(logprob), top: rankedTop(upstream, top_logprobs, top) }
    const place = earliest[index]!
    if (place === reply.tokens.length - 1 - latest[index]!) tokens[place] = { id, law }
  }
  return tokens
}

/** The first place of each report among the tokens, behind that of the one before it. */
function placesInOrder(tokens: readonly number[], reported: readonly number[]): readonly (number | undefined)[] {
  let from = 0
  return reported.map((id) => {
    const place = tokens.indexOf(id, from)
    if (place < 0) return undefined
    from = place + 1
    return place
  })
}

function rankedTop(upstream: string, entries: readonly z.output<typeof entry>[], top: number): ReportedTokens {
  if (entries.length < top)
    throw broken(upstream, `sent ${entries.length} log-probabilities of a token's alternatives instead of ${top}`)
  const ranked = entries.map(({ id, logprob }) => ({ id, logprob: finite(logprob) }))
  ranked.sort((a, b) => b.logprob - a.logprob || a.id - b.id)
  return { ids: ranked.map(({ id }) => id), logprobs: ranked.map(({ logprob }) => logprob) }
}

/** llama-server writes the lowest float for what is impossible. */
const finite = (logprob: number): number => (logprob < -1e30 ? Number.NEGATIVE_INFINITY : logprob)

export const broken = (upstream: string, what: string): UpstreamError => new UpstreamError('protocol', upstream, what)
