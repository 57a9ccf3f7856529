import { z } from 'zod'
import { InvalidRequestError } from '../decoding/errors.ts'
import { type RewardTraits, withinUnit } from '../rm/reward.ts'
import { rewardReference } from './whole-answer-options.ts'

/** Answers that one search may hold under way at one time: each is a paused sequence with K/V of its own. */
export const mostUnderWay = 64

const steps = {
  reward: rewardReference.describe('Judges beginnings: a process reward, or any other that can.'),
  at: z
    .enum(['tokens', 'sentence', 'step'])
    .default('step')
    .describe('What a step of the search is: so many tokens, a sentence, or what a delimiter ends.'),
  step_tokens: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Tokens of a step where `at` is 'tokens', default 16; elsewhere the most a step may have, default 256."),
  delimiter: z.string().min(1).max(64).default('\n\n').describe("Ends a step where `at` is 'step'."),
  select: z.literal('best').default('best').describe('The finished answer of the highest reward.'),
}

const beamOptions = z
  .strictObject({
    method: z.literal('beam'),
    width: z.int().min(1).max(mostUnderWay).default(4).describe('Prefixes kept after each step.'),
    branch: z.int().min(1).max(mostUnderWay).default(4).describe('Continuations of each prefix in each step.'),
    ...steps,
  })
  .describe('Step beam search: the prefixes that the reward prefers are continued, the others dropped.')

const treeOptions = z
  .strictObject({
    method: z.literal('tree'),
    branch: z.int().min(1).max(32).default(3).describe('Children of each node, different in text.'),
    exploration: z.number().min(0).max(100).default(0.7).describe('c of UCT: V + c * sqrt(2 ln(n_parent) / n).'),
    alpha: z.number().min(0).max(1).default(0.5).describe("Share of the rollout's best value in a node's value."),
    rollout_steps: z.int().min(0).max(64).default(3).describe('Steps that a rollout looks ahead.'),
    iterations: z.int().min(1).max(1_000).default(16).describe('The most rounds of the search.'),
    end_value: z
      .number()
      .min(0)
      .max(1)
      .optional()
      .describe('A node of this value ends the search; default 0.9 for rewards between 0 and 1, otherwise none.'),
    ...steps,
  })
  .describe('Tree search as in ReST-MCTS* (arXiv 2406.03816).')

export const searchOptions = z.discriminatedUnion('method', [beamOptions, treeOptions])

/** The top-level `budget`. */
export const searchBudget = z
  .int()
  .min(1)
  .max(1_000_000_000)
  .describe('The most tokens a search may decode, all branches together; not one more is drawn.')

export type BeamOptions = z.output<typeof beamOptions>
export type TreeOptions = z.output<typeof treeOptions>
export type SearchOptions = z.output<typeof searchOptions>

/** The most answers a search has under way at one time. */
export function underWay(options: SearchOptions): number {
  if (options.method === 'beam') return options.width * options.branch
  // an expanded node gives up its sequence; one more is a rollout, or the node that is being expanded
  return options.iterations * (options.branch - 1) + 2
}

/** The value that ends a tree search, if any does. */
export function endValue(options: TreeOptions, { range }: RewardTraits): number | undefined {
  return options.end_value ?? (withinUnit(range) ? 0.9 : undefined)
}

/**
 * @param budget tokens of this one search, where several share the request's
 * @throws InvalidRequestError for searches that cannot be kept to
 */
export function assertSearchable(
  options: SearchOptions,
  budget: number | undefined,
  reward: { readonly name: string; readonly traits: RewardTraits },
): void {
  assertJudges(options, reward)
  const most = underWay(options)
  if (most > mostUnderWay && options.method === 'beam')
    refuse(`width * branch is ${most} answers under way; a search holds at most ${mostUnderWay}.`, 'width')
  if (most > mostUnderWay)
    refuse(
      `iterations * (branch - 1) + 2 is ${most} answers under way; a search holds at most ${mostUnderWay}, for a node that was given up cannot be recomputed.`,
      'iterations',
    )
  const first = options.method === 'beam' ? options.width * options.branch : options.branch
  if (budget !== undefined && budget < first)
    throw new InvalidRequestError(
      `A budget of ${budget} tokens is too small: the first step of this search draws ${first} continuations.`,
      'alignment.budget',
    )
}

function assertJudges(
  options: SearchOptions,
  { name, traits }: { readonly name: string; readonly traits: RewardTraits },
): void {
  if (traits.relative) refuse(`'${name}' compares answers with each other, so it cannot lead a search.`, 'reward')
  if (!traits.partial)
    refuse(`'${name}' cannot judge the beginning of an answer, so it cannot lead a search.`, 'reward')
  if (options.method === 'tree' && options.end_value !== undefined && !withinUnit(traits.range))
    refuse(`end_value needs a reward between 0 and 1, which '${name}' is not: leave it out.`, 'end_value')
}

function refuse(message: string, field: string): never {
  throw new InvalidRequestError(message, `alignment.search.${field}`)
}
