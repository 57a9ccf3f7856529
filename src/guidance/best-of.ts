import type { Decoder, SequenceRequest } from '../decoding/decoder.ts'
import type { Question, Reward } from '../rm/reward.ts'
import { advanceAll, toTheEnd } from './advance-all.ts'
import { bestOfKlBound, bestOfKlEstimate, bestOfWinRateBound } from './best-of-laws.ts'
import { candidateReport, type Finding, logProbabilityOf, noFinding } from './candidate-report.ts'
import { chooseCandidate } from './choose-candidate.ts'
import { Judge } from './judge.ts'
import { PartialAnswer } from './partial-answer.ts'
import { pruneCandidates } from './prune-candidates.ts'
import { answerSeed, selectionUniform } from './random-streams.ts'
import type { BestOfReport, ChoiceOutcome, Strategy, StrategyEvent } from './strategy.ts'
import type { BestOfOptions } from './whole-answer-options.ts'

/** The candidates of one run, in order, and what is known of each. */
export interface CandidatePool {
  readonly candidates: readonly PartialAnswer[]
  readonly findings: readonly Finding[]
}

/**
 * Strategy: n candidates of one prompt, prefilled once; the beginnings that score low are dropped along the way if asked for,
 * one is chosen in the end. Its law: arXiv 2401.01879 (best), 2505.03156 (soft). Streams live once one candidate is left.
 * @param reward undefined for plain votes
 */
export function bestOf(options: BestOfOptions, reward: Reward | undefined, question: Question): Strategy {
  return async function* run(request, decoder, signal) {
    const judge = reward && new Judge(reward, question, signal)
    const candidates: PartialAnswer[] = []
    try {
      yield* openCandidates(candidates, options, request, decoder, signal)
      const findings = candidates.map(noFinding)
      const pool = { candidates, findings }
      yield* pruneCandidates(pool, options, judge, signal)
      yield* finish(pool, options, judge, request, signal)
    } finally {
      for (const candidate of candidates) candidate.release()
    }
  }
}

async function* openCandidates(
  candidates: PartialAnswer[],
  { n, prune }: BestOfOptions,
  request: SequenceRequest,
  decoder: Decoder,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  const first = new PartialAnswer(decoder, decoder.open({ ...request, forks: n - 1, ahead: prune !== undefined }))
  candidates.push(first)
  // forks of an unfilled sequence would each compute the prompt
  await first.advance(0, signal)
  for (let i = 1; i < n; i++) candidates.push(first.fork(answerSeed(request.sampling.seed, i)))
  yield { type: 'progress', message: `best_of: ${n} candidates` }
}

async function* finish(
  pool: CandidatePool,
  options: BestOfOptions,
  judge: Judge | undefined,
  request: SequenceRequest,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  const { candidates, findings } = pool
  const left = candidates.filter((_, i) => findings[i]!.prunedAt === undefined)
  const { maxTokens, seed } = request.sampling
  if (left.length === 1) yield* streamRest(left[0]!, maxTokens, signal)
  else {
    let done = 0
    for await (const _ of advanceAll(left, toTheEnd(maxTokens), signal))
      yield { type: 'progress', message: `best_of: ${++done} of ${left.length} candidates finished` }
  }
  const chosen = await chooseCandidate(pool, options, judge, selectionUniform(seed), signal)
  const answer = candidates[chosen]!
  if (left.length > 1) yield { type: 'choice-delta', index: 0, text: answer.text, draws: answer.draws }
  yield choiceEnd(pool, chosen, outcomeOf(pool, chosen, options, judge))
}

/** What the last candidate has said so far, then the rest as it is drawn. */
async function* streamRest(
  answer: PartialAnswer,
  maxTokens: number,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  if (answer.text !== '' || answer.draws.length > 0)
    yield { type: 'choice-delta', index: 0, text: answer.text, draws: [...answer.draws] }
  if (answer.finished) return
  for await (const { text, draws } of answer.stream(maxTokens - answer.generatedTokens, signal))
    yield { type: 'choice-delta', index: 0, text, draws }
}

function choiceEnd({ candidates }: CandidatePool, chosen: number, outcome: ChoiceOutcome): StrategyEvent {
  const { finishReason, endDraw, draws, cachedTokens } = candidates[chosen]!
  if (finishReason === undefined) throw new Error('The chosen candidate is unfinished.')
  return {
    type: 'choice-end',
    index: 0,
    finishReason,
    endDraw,
    returnedTokens: draws.length,
    generatedTokens: candidates.reduce((sum, candidate) => sum + candidate.spent, 0),
    cachedTokens,
    outcome,
  }
}

function outcomeOf(
  { candidates, findings }: CandidatePool,
  chosen: number,
  options: BestOfOptions,
  judge: Judge | undefined,
): ChoiceOutcome {
  const degraded = judge?.degraded !== undefined
  return {
    rewardCalls: judge?.calls ?? 0,
    degraded: judge?.degraded,
    reward: degraded ? undefined : findings[chosen]!.score,
    candidates: candidates.map((candidate, i) => candidateReport(candidate, findings[i]!, i === chosen)),
    bestOf:
      options.select === 'best' && options.prune === undefined && !degraded
        ? bestOfReport(options.n, logProbabilityOf(candidates[chosen]!))
        : undefined,
  }
}

export const bestOfReport = (n: number, logProbability: number): BestOfReport => ({
  n,
  klEstimate: bestOfKlEstimate(n, logProbability),
  klBound: bestOfKlBound(n),
  winRateBound: bestOfWinRateBound(n),
})
