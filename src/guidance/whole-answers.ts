import { InvalidRequestError } from '../decoding/errors.ts'
import type { SamplingParams } from '../decoding/sampling-params.ts'
import { type Question, type Reward, withinUnit } from '../rm/reward.ts'
import type { AlignmentOptions } from './alignment-options.ts'
import { bestOf } from './best-of.ts'
import { bestOfRuns } from './best-of-runs.ts'
import { choices } from './choices.ts'
import { feynmanKac } from './feynman-kac.ts'
import type { Objective } from './guide-catalogue.ts'
import { assertPreferencesServed, preferredReward } from './preferred-reward.ts'
import { repeated } from './repeated.ts'
import { findReward, type RewardDirectory } from './reward-directory.ts'
import type { SearchOptions } from './search-options.ts'
import { stepBeam } from './step-beam.ts'
import type { Strategy } from './strategy.ts'
import { treeSearch } from './tree-search.ts'
import { assertCombines } from './whole-answer-checks.ts'
import type { BestOfOptions, ParticleOptions } from './whole-answer-options.ts'

/** How one prompt's choices are decoded, and what the report calls it. */
export interface WholeAnswerPlan {
  readonly strategy: Strategy
  /** Names of the strategies at work, to follow those of the guides; empty for plain sampling. */
  readonly methods: readonly string[]
  /** Sequences that the strategy opens at one time; forks are not counted. */
  readonly opened: number
}

/** What requests may be judged by. */
export interface KnownRewards {
  readonly rewards: RewardDirectory
  readonly objectives: ReadonlyMap<string, Objective>
}

/**
 * The one place that maps the request's `alignment` to a strategy. Particles or a search run inside best-of; n repeats the whole.
 * @throws InvalidRequestError for unknown rewards and impossible combinations
 */
export function wholeAnswers(
  options: AlignmentOptions,
  n: number,
  sampling: Omit<SamplingParams, 'maxTokens'>,
  known: KnownRewards,
  question: Question,
): WholeAnswerPlan {
  assertCombines(options, n, sampling)
  assertPreferencesServed(options, known.objectives)
  const { particles, best_of, search, budget } = options
  // several searches of a request share its budget
  const share = budget && Math.floor(budget / (n * (best_of?.n ?? 1)))
  const pipeline =
    search === undefined
      ? particles && feynmanKac(particles, asAsked(particleReward(particles, options, known), options), question)
      : searchFor(search, share, findReward(search.reward, 'alignment.search.reward', known.rewards), question)
  const reward = best_of && asAsked(bestOfReward(best_of, options, known), options)
  const strategy =
    best_of === undefined
      ? pipeline
      : pipeline === undefined
        ? bestOf(best_of, reward, question)
        : bestOfRuns(best_of, reward, question, pipeline)
  if (strategy === undefined) return { strategy: choices(n), methods: [], opened: 1 }
  const methods = [...(search ? ['search'] : []), ...(particles ? ['particles'] : []), ...(best_of ? ['best_of'] : [])]
  const opened = n * (pipeline === undefined ? 1 : (best_of?.n ?? 1))
  return { strategy: repeated(strategy, n), methods, opened }
}

function searchFor(options: SearchOptions, budget: number | undefined, reward: Reward, question: Question): Strategy {
  if (options.method === 'beam') return stepBeam(options, budget, reward, question)
  return treeSearch(options, budget, reward, question)
}

/** The reward, marked as one that the request does without when it fails, if that was asked for. */
function asAsked<R extends Reward | undefined>(reward: R, { on_reward_error }: AlignmentOptions): R {
  if (reward === undefined || on_reward_error !== 'continue') return reward
  return { ...reward, traits: { ...reward.traits, optional: true }, score: reward.score.bind(reward) }
}

function particleReward(particles: ParticleOptions, options: AlignmentOptions, known: KnownRewards): Reward {
  const param = 'alignment.particles.reward'
  const reference = particles.reward ?? preferredReward(options, known.objectives)
  if (reference === undefined) throw new InvalidRequestError('Particles need a reward.', param)
  const reward = findReward(reference, param, known.rewards)
  const { partial, relative, range } = reward.traits
  if (relative)
    throw new InvalidRequestError(
      `'${reward.name}' compares answers with each other, so it cannot steer particles.`,
      param,
    )
  if (!partial && particles.intermediate === 'partial_text')
    throw new InvalidRequestError(
      `'${reward.name}' cannot judge the beginning of an answer; set particles.intermediate to 'completions'.`,
      param,
    )
  if (particles.compat === 'its_hub' && !withinUnit(range))
    throw new InvalidRequestError(`compat 'its_hub' takes log-odds, so it needs a reward between 0 and 1.`, param)
  return reward
}

function bestOfReward(bestOf: BestOfOptions, options: AlignmentOptions, known: KnownRewards): Reward | undefined {
  const param = 'alignment.best_of.reward'
  const reference = bestOf.reward ?? preferredReward(options, known.objectives)
  if (reference === undefined) {
    if (bestOf.select === 'vote' && bestOf.prune === undefined) return undefined
    throw new InvalidRequestError(
      `select '${bestOf.select}'${bestOf.prune ? ' with prune' : ''} needs a reward.`,
      param,
    )
  }
  const reward = findReward(reference, param, known.rewards, { zScore: bestOf.normalise === 'z_score' })
  const { partial, relative } = reward.traits
  if (bestOf.prune !== undefined && (!partial || relative))
    throw new InvalidRequestError(
      `'${reward.name}' ${relative ? 'compares answers with each other' : 'cannot judge the beginning of an answer'}, so best_of.prune cannot use it.`,
      'alignment.best_of.prune',
    )
  return reward
}
