import { InvalidRequestError } from '../decoding/errors.ts'
import { hasPenalties } from '../decoding/penalties.ts'
import type { SamplingParams } from '../decoding/sampling-params.ts'
import type { AlignmentOptions } from './alignment-options.ts'
import { underWay } from './search-options.ts'

/** Answers that one prompt may have under way at one time. */
const mostAnswers = 256

type Sampling = Omit<SamplingParams, 'maxTokens'>

/** @throws InvalidRequestError for combinations that mean nothing or cannot be kept to */
export function assertCombines(options: AlignmentOptions, n: number, sampling: Sampling): void {
  const { particles, best_of, search, budget } = options
  if (budget !== undefined && search === undefined)
    refuse('A budget is that of a search: give search, or leave it out.', 'alignment.budget')
  if (particles === undefined && best_of === undefined && search === undefined) return
  if (search !== undefined && options.on_reward_error === 'continue')
    refuse('A search cannot go on without its reward: leave on_reward_error out.', 'alignment.on_reward_error')
  if (search !== undefined && particles !== undefined)
    refuse('A search and particles cannot both lead the answer: leave one out.', 'alignment.search')
  assertFewAnswers(options, n, sampling)
  if (best_of?.prune !== undefined && (particles ?? search) !== undefined)
    refuse(
      'best_of.prune drops single answers, not populations: leave it out beside particles and search.',
      'alignment.best_of.prune',
    )
  if (best_of?.answer !== undefined && best_of.select !== 'vote' && best_of.select !== 'weighted_vote')
    refuse("best_of.answer is what votes are read with: select 'vote' or 'weighted_vote'.", 'alignment.best_of.answer')
  if (particles?.target === 'global') assertPlainLaw(options, sampling)
}

function assertFewAnswers({ particles, best_of, search }: AlignmentOptions, n: number, sampling: Sampling): void {
  const inner = search === undefined ? particleAnswers(particles) : underWay(search)
  const answers = n * (best_of?.n ?? 1) * inner
  const widest = search === undefined ? (particles === undefined ? 'best_of.n' : 'particles.n') : 'search'
  if (answers > mostAnswers)
    refuse(
      `n, best_of.n, particles.n with its completions and the answers of a search multiply to ${answers}; at most ${mostAnswers} can be under way.`,
      `alignment.${widest}`,
    )
  if (sampling.temperature === 0 && (answers > n || search !== undefined))
    refuse(
      'At temperature 0 all answers are the same: give a temperature, or leave best_of, particles and search out.',
      'temperature',
    )
}

const particleAnswers = (particles: AlignmentOptions['particles']): number =>
  particles === undefined ? 1 : particles.n * (particles.intermediate === 'completions' ? 1 + particles.completions : 1)

/** The weights towards the global target are exact only for what the models themselves say. */
function assertPlainLaw({ guides, preferences }: AlignmentOptions, sampling: Sampling): void {
  const field = 'alignment.particles.target'
  if ((guides ?? []).length === 0 && Object.keys(preferences ?? {}).length === 0)
    refuse("target 'global' weighs what guides did; without guides it is 'guided'.", field)
  const { temperature, topK, topP, minP, stop } = sampling
  if (temperature !== 1 || topK !== undefined || topP < 1 || minP > 0)
    refuse("target 'global' is defined at temperature 1 without top_k, top_p and min_p.", field)
  if (hasPenalties({ ...sampling, maxTokens: 1 }) || stop.length > 0)
    refuse("target 'global' cannot be kept with penalties, logit_bias or stop strings.", field)
}

function refuse(message: string, param: string): never {
  throw new InvalidRequestError(message, param)
}
