import { InvalidRequestError } from '../decoding/errors.ts'
import type { AlignmentOptions } from './alignment-options.ts'
import type { Objective } from './guide-catalogue.ts'
import type { RewardReference } from './whole-answer-options.ts'

type Objectives = ReadonlyMap<string, Objective>

/**
 * The rewards behind a request's `preferences`, weighted by preference * scale: what best_of and particles judge by when they name
 * no reward of their own. Undefined when no preferred objective has one.
 */
export function preferredReward(
  { preferences }: AlignmentOptions,
  objectives: Objectives,
): RewardReference | undefined {
  const weights = new Map<string, number>()
  for (const [name, preference] of Object.entries(preferences ?? {})) {
    const objective = objectives.get(name)
    if (objective?.reward === undefined) continue
    weights.set(objective.reward, (weights.get(objective.reward) ?? 0) + preference * objective.scale)
  }
  return weights.size === 0 ? undefined : Object.fromEntries(weights)
}

/** @throws InvalidRequestError for a preference that would do nothing: its objective has only a reward, which nothing asks for */
export function assertPreferencesServed(options: AlignmentOptions, objectives: Objectives): void {
  const { best_of, particles } = options
  const judged =
    (best_of !== undefined && best_of.reward === undefined) ||
    (particles !== undefined && particles.reward === undefined)
  if (judged) return
  const idle = Object.keys(options.preferences ?? {}).find((name) => {
    const objective = objectives.get(name)
    return objective !== undefined && objective.guide === undefined
  })
  if (idle === undefined) return
  throw new InvalidRequestError(
    `The objective '${idle}' is served by a reward: add best_of or particles without a reward of their own, which then judge by the preferences.`,
    `alignment.preferences.${idle}`,
  )
}
