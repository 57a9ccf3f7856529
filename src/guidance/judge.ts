import type { TokenDraw } from '../decoding/decoder.ts'
import type { Answer, Question, Reward, Verdict } from '../rm/reward.ts'
import { RewardError, rewardFailure } from '../rm/reward-error.ts'

/** An answer as rewards see it. */
interface Judged {
  readonly text: string
  readonly draws: readonly TokenDraw[]
  readonly finished: boolean
}

/** A reward as one run of a strategy uses it: asks the request's question, checks what comes back, counts. */
export class Judge {
  readonly reward: Reward
  readonly #question: Question
  readonly #signal: AbortSignal
  /** Answers judged so far. */
  calls = 0
  /** Why the request goes on without the reward. */
  degraded: string | undefined

  constructor(reward: Reward, question: Question, signal: AbortSignal) {
    this.reward = reward
    this.#question = question
    this.#signal = signal
  }

  /** @throws RewardError when the reward throws, answers the wrong number of verdicts, or one without a usable score */
  async verdicts(answers: readonly Judged[]): Promise<readonly Verdict[]> {
    if (answers.length === 0) return []
    const verdicts = await this.#ask(answers)
    this.calls += answers.length
    const { name } = this.reward
    if (verdicts.length !== answers.length)
      throw new RewardError(name, `it gave ${verdicts.length} verdicts for ${answers.length} answers.`)
    for (const { score } of verdicts)
      if (Number.isNaN(score) || score === Number.POSITIVE_INFINITY)
        throw new RewardError(name, `it scored an answer ${score}.`)
    return verdicts
  }

  async scores(answers: readonly Judged[]): Promise<number[]> {
    return (await this.verdicts(answers)).map(({ score }) => score)
  }

  /** Scores, or undefined from the first failure on where the reward is optional: the request then goes on without it. */
  async scoresIfAny(answers: readonly Judged[]): Promise<number[] | undefined> {
    if (this.degraded !== undefined) return undefined
    try {
      return await this.scores(answers)
    } catch (error) {
      if (this.reward.traits.optional !== true || !(error instanceof RewardError)) throw error
      this.degraded = error.message
      return undefined
    }
  }

  async #ask(answers: readonly Judged[]): Promise<readonly Verdict[]> {
    try {
      return await this.reward.score(this.#question, answers.map(toAnswer), this.#signal)
    } catch (error) {
      throw rewardFailure(this.reward.name, error, this.#signal)
    }
  }
}

const toAnswer = ({ text, draws, finished }: Judged): Answer => ({
  text,
  ids: draws.map((draw) => draw.id),
  finished,
})
