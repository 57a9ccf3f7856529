import type { Question, Reward } from '../rm/reward.ts'
import { Judge } from './judge.ts'
import { ParticleFilter, type Resampling } from './particle-filter.ts'
import { Population } from './population.ts'
import { times } from './potentials.ts'
import { selectionUniform } from './random-streams.ts'
import { resample } from './resampling.ts'
import { bestIndex, softIndex } from './selection.ts'
import { SharedLineage } from './shared-lineage.ts'
import type { ParticlesReport, Strategy, StrategyEvent } from './strategy.ts'
import type { ParticleOptions } from './whole-answer-options.ts'

/**
 * Strategy: Feynman-Kac steering (arXiv 2501.06848) of n particles towards exp(lambda * reward). Every combination of potential,
 * resampler, threshold and schedule leaves the answers, weighted and times exp(log Z), unbiased for p(y) * exp(lambda * r(y)), as
 * long as no beginning scores -Infinity whose answer would not: such answers are lost. What all particles have in common is streamed at once.
 * @param choose the resampling step; another one is given where its law is enumerated
 * @param pick draws the answer by the final weights, likewise
 */
export function feynmanKac(
  options: ParticleOptions,
  reward: Reward,
  question: Question,
  choose: Resampling = resample,
  pick: typeof softIndex = softIndex,
): Strategy {
  return async function* run(request, decoder, signal) {
    const judge = new Judge(reward, question, signal)
    const trials = options.intermediate === 'completions' ? options.n * options.completions : 0
    const population = await Population.open(options.n, options.n - 1 + trials, request, decoder, signal)
    try {
      const filter = new ParticleFilter(population, options, judge, request, choose)
      const lineage = new SharedLineage()
      while (!filter.done) {
        for await (const _ of filter.grow(signal)) yield* sharedText(population, lineage)
        yield await filter.judge(signal)
        yield* sharedText(population, lineage)
      }
      const u = selectionUniform(request.sampling.seed)
      const chosen =
        judge.degraded !== undefined
          ? 0
          : chooseParticle(filter, population, options, (logWeights) => pick(logWeights, 1, u))
      yield* choiceEnd(chosen, population, lineage, { judge, report: reportOf(filter, options, judge, chosen) })
    } finally {
      population.release()
    }
  }
}

/** What every particle says by now: whatever is resampled, and whichever is chosen, begins with it. */
function* sharedText({ particles }: Population, lineage: SharedLineage): Generator<StrategyEvent> {
  const common = lineage.next(particles.map(({ answer }) => answer))
  if (common !== undefined) yield { type: 'choice-delta', index: 0, ...common }
}

function chooseParticle(
  filter: ParticleFilter,
  { particles }: Population,
  options: ParticleOptions,
  draw: (logWeights: readonly number[]) => number | undefined,
): number {
  const best = bestIndex(particles.map(({ weight }) => favour(options.lambda, weight.reward)))
  if (options.select === 'best' && options.compat !== 'its_hub') return best
  if (options.select === 'best') return bestIndex(filter.logWeights)
  return draw(filter.logWeights) ?? best
}

/** Orders answers as the target does: where lambda is negative, a low reward is what is wanted. */
const favour = (lambda: number, reward: number): number => (lambda < 0 ? times(lambda, reward) : reward)

function reportOf(
  filter: ParticleFilter,
  { n, compat }: ParticleOptions,
  { degraded }: Judge,
  chosen: number,
): ParticlesReport {
  const { logZ, collapsed, steps } = filter
  return { n, logZ: compat === undefined && degraded === undefined ? logZ : undefined, collapsed, chosen, steps }
}

function* choiceEnd(
  chosen: number,
  population: Population,
  lineage: SharedLineage,
  found: { readonly judge: Judge; readonly report: ParticlesReport },
): Generator<StrategyEvent> {
  const { answer, weight } = population.particles[chosen]!
  const rest = lineage.next([answer])
  if (rest !== undefined) yield { type: 'choice-delta', index: 0, ...rest }
  if (answer.finishReason === undefined) throw new Error('The chosen particle is unfinished.')
  yield {
    type: 'choice-end',
    index: 0,
    finishReason: answer.finishReason,
    endDraw: answer.endDraw,
    returnedTokens: answer.draws.length,
    generatedTokens: population.spent,
    cachedTokens: answer.cachedTokens,
    outcome: {
      rewardCalls: found.judge.calls,
      degraded: found.judge.degraded,
      reward: found.judge.degraded === undefined ? weight.reward : undefined,
      particles: found.report,
    },
  }
}
