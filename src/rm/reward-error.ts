import { ContextLengthError, InvalidRequestError, OverloadedError } from '../decoding/errors.ts'

/** A reward that could not judge: the request fails with it, for a failed reward never counts as 0. */
export class RewardError extends Error {
  override readonly name = 'RewardError'
  /** The configured reward's name. */
  readonly reward: string

  constructor(reward: string, message: string) {
    super(`The reward '${reward}' failed: ${message}`)
    this.reward = reward
  }
}

/**
 * What a failing reward makes of the request: an error that the request or the engine's load caused stays what it is, the abort
 * of the request too, everything else is the reward's.
 */
export function rewardFailure(reward: string, error: unknown, signal: AbortSignal): unknown {
  const passes = [RewardError, InvalidRequestError, ContextLengthError, OverloadedError]
  if (signal.aborted || passes.some((kind) => error instanceof kind)) return error
  return new RewardError(reward, error instanceof Error ? error.message : String(error))
}
