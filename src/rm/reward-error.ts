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
