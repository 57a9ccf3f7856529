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
  { reward, question, responses, wholeReplies }: RewardRequest,
  signal: AbortSignal,
): Promise<GenerationEvent> {
  const param = wholeReplies === undefined ? 'reward' : 'alignment.best_of.reward'
  const found = findReward(reward, param, rewards, { zScore: wholeReplies?.zScore ?? false })
  if (wholeReplies?.beyondText === true && found.traits.wholeReplies !== true) throw plainTextOnly(found.name, param)
  const answers = responses.map((text) => ({ text, ids: undefined, finished: true }))
  try {
    const verdicts = await found.score(question, answers, signal)
    return { type: 'reward-verdicts', reward: found.name, traits: found.traits, verdicts }
  } catch (error) {
    const failure = rewardFailure(found.name, error, signal)
    throw wholeReplies === undefined ? inBody(failure) : failure
  }
}

const plainTextOnly = (reward: string, param: string) =>
  new InvalidRequestError(
    `The reward '${reward}' reads plain text: it cannot judge answers to images, or answers that may call tools. ` +
      'Judge by a rule or by a generative judge (docs/remote-rewards.md), or leave the images and tools out.',
    param,
  )

/** This route's fields stand at the top of the body, not within `alignment`. */
function inBody(error: unknown): unknown {
  if (!(error instanceof InvalidRequestError)) return error
  const param = error.param === 'alignment' ? 'responses' : error.param.replace(/^alignment\./, '')
  return new InvalidRequestError(error.message, param)
}
