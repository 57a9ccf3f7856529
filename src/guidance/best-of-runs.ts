import type { TokenDraw } from '../decoding/decoder.ts'
import type { Question, Reward } from '../rm/reward.ts'
import { type Candidate, candidateReport, noFinding } from './candidate-report.ts'
import { chooseCandidate } from './choose-candidate.ts'
import { Judge } from './judge.ts'
import { runSeed, runSelectionUniform } from './random-streams.ts'
import { repeated } from './repeated.ts'
import type { Strategy, StrategyEvent } from './strategy.ts'
import type { BestOfOptions } from './whole-answer-options.ts'

type ChoiceEnd = Extract<StrategyEvent, { type: 'choice-end' }>

/** A run's answer as its events told it. */
class RunAnswer implements Candidate {
  text = ''
  readonly draws: TokenDraw[] = []
  readonly finished = true
  end: ChoiceEnd | undefined

  get endDraw() {
    return this.end?.endDraw
  }

  get finishReason() {
    return this.end?.finishReason
  }

  get generatedTokens(): number {
    return this.end?.generatedTokens ?? 0
  }

  get whole(): ChoiceEnd {
    if (this.end === undefined) throw new Error('A run ended without its answer.')
    return this.end
  }
}

/** Strategy: n runs of a whole pipeline, such as a population of particles, of which one answer is chosen. */
export function bestOfRuns(
  options: BestOfOptions,
  reward: Reward | undefined,
  question: Question,
  pipeline: Strategy,
): Strategy {
  return async function* run(request, decoder, signal) {
    const judge = reward && new Judge(reward, question, signal)
    const answers = Array.from({ length: options.n }, () => new RunAnswer())
    for await (const event of repeated(pipeline, options.n, runSeed)(request, decoder, signal)) {
      take(event, answers)
      if (event.type === 'progress') yield event
    }
    const findings = answers.map(noFinding)
    const u = runSelectionUniform(request.sampling.seed)
    const chosen = await chooseCandidate({ candidates: answers, findings }, options, judge, u, signal)
    const { text, draws, whole } = answers[chosen]!
    yield { type: 'choice-delta', index: 0, text, draws }
    yield {
      ...whole,
      index: 0,
      generatedTokens: answers.reduce((sum, answer) => sum + answer.generatedTokens, 0),
      outcome: {
        ...whole.outcome,
        rewardCalls: (judge?.calls ?? 0) + answers.reduce((sum, { end }) => sum + (end?.outcome?.rewardCalls ?? 0), 0),
        degraded: judge?.degraded ?? answers.map(({ end }) => end?.outcome?.degraded).find(Boolean),
        reward: judge?.degraded === undefined ? (findings[chosen]!.score ?? whole.outcome?.reward) : undefined,
        candidates: answers.map((answer, i) => candidateReport(answer, findings[i]!, i === chosen)),
      },
    }
  }
}

function take(event: StrategyEvent, answers: readonly RunAnswer[]): void {
  if (event.type === 'progress') return
  const answer = answers[event.index]!
  if (event.type === 'choice-end') answer.end = event
  else {
    answer.text += event.text
    answer.draws.push(...event.draws)
  }
}
