import { z } from 'zod'
import { allOrNone } from '../decoding/upstream/all-or-none.ts'
import type { UpstreamClient } from '../decoding/upstream/http/upstream-client.ts'
import { UpstreamError } from '../decoding/upstream/http/upstream-error.ts'
import { upstreamSays } from '../decoding/upstream/http/upstream-says.ts'
import { ApiProblem } from './api-problem.ts'
import { looseMessage, messageText } from './reply-text.ts'
import { toUpstreamProblem } from './upstream-problem.ts'

export type ReplyRoute = 'chat' | 'completion'

/** One whole reply of the upstream, kept as it came. */
export interface CandidateReply {
  readonly reply: Readonly<Record<string, unknown>>
  readonly choice: Readonly<Record<string, unknown>>
  /** As rewards read it. */
  readonly text: string
  readonly finishReason: string | null
  /** 0 where the upstream does not tell. */
  readonly tokens: number
}

const choiceFields = { finish_reason: z.string().nullish() }
const usage = z.looseObject({ completion_tokens: z.int().min(0).optional() }).nullish()
const replyOf = <Choice extends z.ZodType>(choice: Choice) =>
  z.looseObject({ choices: z.array(choice).length(1), usage })

const chatReply = replyOf(z.looseObject({ ...choiceFields, message: looseMessage }))
const completionReply = replyOf(z.looseObject({ ...choiceFields, text: z.string() }))

const paths = { chat: '/v1/chat/completions', completion: '/v1/completions' } as const

/**
 * Asks for every candidate in a call of its own, at the same time: not every server knows `n`, and the prompt is in their prefix caches.
 * @throws ApiProblem when one fails; the others are aborted. The signal's reason
 */
export async function candidateReplies(
  client: UpstreamClient,
  route: ReplyRoute,
  bodies: readonly object[],
  signal: AbortSignal,
): Promise<readonly CandidateReply[]> {
  const affinity = { prefix: JSON.stringify(bodies[0]).slice(0, 1024) }
  const calls = bodies.map((body) => async (stop: AbortSignal) => {
    return readReply(client.name, route, await client.json(paths[route], body, { signal: stop, affinity }))
  })
  try {
    return await allOrNone(signal, calls)
  } catch (error) {
    signal.throwIfAborted()
    throw problemOf(error)
  }
}

function readReply(upstream: string, route: ReplyRoute, json: unknown): CandidateReply {
  const parsed = route === 'chat' ? chatReply.safeParse(json) : completionReply.safeParse(json)
  if (!parsed.success) throw new UpstreamError('protocol', upstream, 'answered with no completion of one choice')
  const { usage: used, choices } = parsed.data
  const parsedChoice = choices[0]!
  const text =
    'text' in parsedChoice ? (parsedChoice.text as string) : messageText(looseMessage.parse(parsedChoice['message']))
  // the reply itself, not what parsing made of it
  const reply = json as CandidateReply['reply']
  const choice = (reply['choices'] as CandidateReply['choice'][])[0]!
  return { reply, choice, text, finishReason: parsedChoice.finish_reason ?? null, tokens: used?.completion_tokens ?? 0 }
}

/** What the upstream refuses is the request's fault: its words go on. */
function problemOf(error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error
  const { status } = error
  if (status === 400 || status === 404 || status === 413 || status === 422)
    return new ApiProblem('invalid-request', [error.message, upstreamSays(error)].join(' ').trim())
  return toUpstreamProblem(error)
}
