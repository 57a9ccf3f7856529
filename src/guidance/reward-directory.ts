import { InvalidRequestError } from '../decoding/errors.ts'
import { combinationReward } from '../rm/combination.ts'
import type { Reward } from '../rm/reward.ts'
import type { RewardReference } from './whole-answer-options.ts'

/** The rewards that requests may name. */
export type RewardDirectory = ReadonlyMap<string, Reward>

/**
 * The reward a request means: one by name, or the weighted sum of several.
 * @throws InvalidRequestError with the known names
 */
export function findReward(
  reference: RewardReference,
  param: string,
  rewards: RewardDirectory,
  options = { zScore: false },
): Reward {
  const parts =
    typeof reference === 'string'
      ? [{ reward: named(reference, param, rewards), weight: 1 }]
      : Object.entries(reference).map(([name, weight]) => ({
          reward: named(name, `${param}.${name}`, rewards),
          weight,
        }))
  if (typeof reference === 'string' && !options.zScore) return parts[0]!.reward
  return combinationReward(parts.map(({ reward }) => reward.name).join('+'), parts, options)
}

function named(name: string, param: string, rewards: RewardDirectory): Reward {
  const found = rewards.get(name)
  if (found !== undefined) return found
  const known = [...rewards.keys()]
  const list = known.length === 0 ? 'None is configured.' : `Known rewards: ${known.join(', ')}.`
  throw new InvalidRequestError(`The reward '${name}' does not exist. ${list}`, param)
}
