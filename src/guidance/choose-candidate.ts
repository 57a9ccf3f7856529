import { InvalidRequestError } from '../decoding/errors.ts'
import { extractAnswer } from '../rm/extract-answer.ts'
import { inTimeSlices } from '../rm/time-slices.ts'
import type { Candidate, Finding } from './candidate-report.ts'
import type { Judge } from './judge.ts'
import { bestIndex, softIndex, voteIndex, voteWeights } from './selection.ts'
import type { BestOfOptions } from './whole-answer-options.ts'

/** What is to be chosen among, and what is known of each. */
interface Choice {
  readonly candidates: readonly Candidate[]
  readonly findings: readonly Finding[]
}

/**
 * Judges the candidates that are left and chooses one; findings are filled in.
 * @returns index of the chosen candidate; the first that is left when the reward failed and the request goes on without it
 * @throws InvalidRequestError when no candidate has an answer to vote with
 */
export async function chooseCandidate(
  { candidates, findings }: Choice,
  options: BestOfOptions,
  judge: Judge | undefined,
  u: number,
  signal: AbortSignal,
): Promise<number> {
  const left = candidates.flatMap((_, i) => (findings[i]!.prunedAt === undefined ? [i] : []))
  const unjudged = left.filter((i) => !findings[i]!.judgedWhole)
  // scores that depend on the other candidates are those among all that are left
  const asked = judge?.reward.traits.relative === true ? left : unjudged
  const scores = (await judge?.scoresIfAny(asked.map((i) => candidates[i]!))) ?? []
  if (judge?.degraded !== undefined) return left[0]!
  for (const [k, score] of scores.entries()) findings[asked[k]!]!.score = score
  const choice = { candidates: left.map((i) => candidates[i]!), findings: left.map((i) => findings[i]!) }
  if (options.select === 'vote' || options.select === 'weighted_vote') await findVotes(choice, options, signal)
  return left[select(choice.findings, options, judge, u)]!
}

/** A pattern of the request's own may take long over every candidate. */
async function findVotes({ candidates, findings }: Choice, { answer }: BestOfOptions, signal: AbortSignal) {
  const votes = await inTimeSlices(candidates, signal, ({ text }) => extractAnswer(text, answer))
  for (const [i, vote] of votes.entries()) findings[i]!.vote = vote
}

function select(findings: readonly Finding[], options: BestOfOptions, judge: Judge | undefined, u: number): number {
  const scores = findings.map(({ score }) => score ?? 0)
  switch (options.select) {
    case 'best':
      return bestIndex(scores)
    case 'soft':
      return softIndex(scores, options.temperature, u) ?? 0
    case 'vote':
    case 'weighted_vote': {
      const weights = options.select === 'vote' ? scores.map(() => 1) : voteWeights(scores, judge?.reward.traits.range)
      return voteIndex(findings, weights) ?? refuseVote(options)
    }
  }
}

function refuseVote(options: BestOfOptions): never {
  const how =
    options.answer === undefined ? 'has a \\boxed{}, "The answer is" or a number' : `matches /${options.answer}/`
  throw new InvalidRequestError(
    `No candidate ${how}, so there is nothing to vote on. Give best_of.answer a pattern that finds the answer, or select 'best'.`,
    'alignment.best_of.select',
  )
}
