import { advanceAll, toTheEnd } from './advance-all.ts'
import type { Judge } from './judge.ts'
import type { Particle, Population } from './population.ts'
import { times } from './potentials.ts'
import { forkSeed } from './random-streams.ts'
import { logMeanExp } from './resampling.ts'
import type { ParticleOptions } from './whole-answer-options.ts'

/** Where a run stands: which checkpoint, of which request. */
export interface CheckpointContext {
  readonly checkpoint: number
  readonly seed: bigint
  readonly maxTokens: number
  readonly signal: AbortSignal
}

/**
 * Rewards of particles at a checkpoint: a finished one by its answer, an unfinished one as `intermediate` says. Undefined when
 * the reward failed and the request goes on without it.
 */
export async function checkpointRewards(
  particles: readonly Particle[],
  population: Population,
  options: ParticleOptions,
  judge: Judge,
  context: CheckpointContext,
): Promise<number[] | undefined> {
  if (options.intermediate === 'partial_text') return await judge.scoresIfAny(particles.map(({ answer }) => answer))
  const finished = particles.filter(({ answer }) => answer.finished)
  const scores = await judge.scoresIfAny(finished.map(({ answer }) => answer))
  if (scores === undefined) return undefined
  const rewards = new Map(finished.map((particle, i) => [particle, scores[i]!]))
  const unfinished = particles.filter(({ answer }) => !answer.finished)
  const values = await completionRewards(unfinished, population, options, judge, context)
  if (values === undefined) return undefined
  for (const [i, particle] of unfinished.entries()) rewards.set(particle, values[i]!)
  return particles.map((particle) => rewards.get(particle)!)
}

/**
 * (1 / lambda) log mean exp(lambda * reward) over sampled completions: with many of them, the best potential there is
 * (arXiv 2501.06848, section 3.2, made consistent in lambda).
 */
async function completionRewards(
  particles: readonly Particle[],
  population: Population,
  { completions, lambda }: ParticleOptions,
  judge: Judge,
  { checkpoint, seed, maxTokens, signal }: CheckpointContext,
): Promise<number[] | undefined> {
  const trials = particles.flatMap(({ answer }, i) =>
    Array.from({ length: completions }, (_, k) =>
      // slots beyond any particle's, so that a trial never draws what a particle will
      population.branch(answer, forkSeed(seed, checkpoint, 1_000 + i * completions + k)),
    ),
  )
  try {
    for await (const _ of advanceAll(trials, toTheEnd(maxTokens), signal));
    const scores = await judge.scoresIfAny(trials)
    return scores && particles.map((_, i) => tempered(scores.slice(i * completions, (i + 1) * completions), lambda))
  } finally {
    for (const trial of trials) population.giveUp(trial)
  }
}

function tempered(scores: readonly number[], lambda: number): number {
  if (lambda === 0) return scores.reduce((sum, score) => sum + score, 0) / scores.length
  const mean = logMeanExp(scores.map((score) => times(lambda, score)))
  return mean === Number.NEGATIVE_INFINITY ? mean : mean / lambda
}
