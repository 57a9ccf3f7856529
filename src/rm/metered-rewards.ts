import { BucketCounts, type Distribution } from '../decoding/bucket-counts.ts'
import { InvalidRequestError } from '../decoding/errors.ts'
import type { Reward } from './reward.ts'

/** What one reward has been asked and has said. */
export interface RewardCounts {
  readonly calls: number
  readonly answers: number
  /** Calls that threw, what the request lacked left out. */
  readonly failures: number
  readonly seconds: number
  readonly scores: Distribution
}

/** Rewards between 0 and 1, log-odds and rules alike. */
const scoreBounds = [-20, -10, -5, -2, -1, -0.5, 0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 2, 5, 10, 20]

/** The same rewards, with what they are asked and say counted by name. */
export class MeteredRewards {
  readonly rewards: ReadonlyMap<string, Reward>
  readonly #meters: ReadonlyMap<string, RewardMeter>

  constructor(rewards: ReadonlyMap<string, Reward>) {
    this.#meters = new Map([...rewards.keys()].map((name) => [name, new RewardMeter()]))
    this.rewards = new Map([...rewards].map(([name, reward]) => [name, metered(reward, this.#meters.get(name)!)]))
  }

  read(): Readonly<Record<string, RewardCounts>> {
    return Object.fromEntries([...this.#meters].map(([name, meter]) => [name, meter.read()]))
  }
}

function metered(reward: Reward, meter: RewardMeter): Reward {
  return {
    name: reward.name,
    traits: reward.traits,
    score: (question, answers, signal) => meter.count(() => reward.score(question, answers, signal), signal),
  }
}

class RewardMeter {
  readonly #scores = new BucketCounts(scoreBounds)
  #calls = 0
  #answers = 0
  #failures = 0
  #seconds = 0

  async count(ask: () => ReturnType<Reward['score']>, signal: AbortSignal): ReturnType<Reward['score']> {
    const startedAt = performance.now()
    this.#calls++
    try {
      const verdicts = await ask()
      this.#answers += verdicts.length
      // what is no score is a failure for whoever asked, and no value of a distribution
      for (const { score } of verdicts)
        if (Number.isNaN(score)) this.#failures++
        else this.#scores.add(score)
      return verdicts
    } catch (error) {
      if (!signal.aborted && !(error instanceof InvalidRequestError)) this.#failures++
      throw error
    } finally {
      this.#seconds += (performance.now() - startedAt) / 1000
    }
  }

  read(): RewardCounts {
    return {
      calls: this.#calls,
      answers: this.#answers,
      failures: this.#failures,
      seconds: this.#seconds,
      scores: this.#scores.read(),
    }
  }
}
