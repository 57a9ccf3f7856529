import { bestOfKlBound, bestOfWinRateBound } from '../guidance/best-of-laws.ts'
import type { Finding } from '../guidance/candidate-report.ts'
import type { CandidateReply, ReplyRoute } from './candidate-calls.ts'
import { doneFrame, frame } from './sse.ts'

/** How a reply was chosen among others. */
export interface ReplyChoice {
  readonly candidates: readonly CandidateReply[]
  readonly findings: readonly Finding[]
  readonly chosen: number
  readonly rewardCalls: number
  readonly degraded: string | undefined
  readonly select: string
  readonly seed: number
}

/** The chosen reply as the upstream gave it, with how it was chosen. */
export function chosenReply(choice: ReplyChoice): Record<string, unknown> {
  const { reply, choice: own } = choice.candidates[choice.chosen]!
  return { ...reply, choices: [{ ...own, index: 0 }], alignment: wireChoice(choice) }
}

function wireChoice({ candidates, findings, chosen, rewardCalls, degraded, select, seed }: ReplyChoice) {
  const { score } = findings[chosen]!
  const n = candidates.length
  return {
    method: 'best_of',
    seed,
    tokens: {
      returned: candidates[chosen]!.tokens,
      generated: candidates.reduce((sum, { tokens }) => sum + tokens, 0),
      guide: 0,
      reward_calls: rewardCalls,
    },
    ...(degraded === undefined ? {} : { degraded }),
    ...(degraded === undefined && score !== undefined ? { reward: score } : {}),
    candidates: candidates.map((candidate, i) => wireCandidate(candidate, findings[i]!, i === chosen)),
    // no estimate: it needs the log-probability of the reply
    ...(select === 'best' && degraded === undefined
      ? { best_of: { n, kl_bound: bestOfKlBound(n), win_rate_bound: bestOfWinRateBound(n) } }
      : {}),
  }
}

const wireCandidate = ({ text, finishReason, tokens }: CandidateReply, { score, vote }: Finding, chosen: boolean) => ({
  text,
  ...(score === undefined ? {} : { score }),
  finish_reason: finishReason,
  tokens,
  ...(vote === undefined ? {} : { answer: vote }),
  chosen,
})

/** The frames of a chosen reply for a client that asked for a stream: it is known as a whole. */
export function* chosenFrames(
  reply: Record<string, unknown>,
  route: ReplyRoute,
  includeUsage: boolean,
): Generator<string> {
  const { choices, usage, alignment, ...head } = reply
  const [{ message, text, ...choice }] = choices as [Record<string, unknown>]
  const envelope = { ...head, object: route === 'chat' ? 'chat.completion.chunk' : 'text_completion' }
  const more = includeUsage ? { usage: null } : {}
  const [said, end] =
    route === 'chat' ? [{ delta: deltaOf(message), logprobs: null }, { delta: {} }] : [{ text }, { text: '' }]
  yield frame({ ...envelope, choices: [{ index: 0, ...said, finish_reason: null }], ...more })
  yield frame({ ...envelope, choices: [{ ...choice, ...end }], ...more, alignment })
  if (includeUsage) yield frame({ ...envelope, choices: [], usage: usage ?? null })
  yield doneFrame
}

/** Calls have an index in streams. */
function deltaOf(message: unknown): object {
  const { tool_calls: calls, ...rest } = message as { readonly tool_calls?: readonly object[] | null }
  return calls == null ? rest : { ...rest, tool_calls: calls.map((call, index) => ({ index, ...call })) }
}
