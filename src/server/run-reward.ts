import { InvalidRequestError } from '../decoding/errors.ts'
import { findReward, type RewardDirectory } from '../guidance/reward-directory.ts'
import { rewardFailure } from '../rm/reward-error.ts'
import type { GenerationEvent, RewardRequest } from './engine-messages.ts'

/**
 * Scores given answers.
 * @throws InvalidRequestError, RewardError; the signal's reason
 */
export async function runReward(
  rewards: RewardDirectory,
  { reward, question, responses }: RewardRequest,
  signal: AbortSignal,
): Promise<GenerationEvent> {
  const found = findReward(reward, 'reward', rewards)
  const answers = responses.map((text) => ({ text, ids: undefined, finished: true }))
  try {
    return { type: 'reward-verdicts', reward: found.name, verdicts: await found.score(question, answers, signal) }
  } catch (error) {
    throw inBody(rewardFailure(found.name, error, signal))
  }
}

/** This route's fields stand at the top of the body, not within `alignment`. */
function inBody(error: unknown): unknown {
  if (!(error instanceof InvalidRequestError)) return error
  const param = error.param === 'alignment' ? 'responses' : error.param.replace(/^alignment\./, '')
  return new InvalidRequestError(error.message, param)
}
