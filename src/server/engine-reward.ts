import type { RewardReference } from '../guidance/whole-answer-options.ts'
import type { Question, Reward } from '../rm/reward.ts'
import { RewardError } from '../rm/reward-error.ts'
import { ApiProblem } from './api-problem.ts'
import type { Engine } from './engine.ts'
import type { RewardRequest, WholeReplies } from './engine-messages.ts'

/** A reward of the engine process as strategies use one, for answers that were not decoded there. */
export interface EngineReward {
  readonly reward: Reward
  /** What the engine said when it could not judge, in its own words. */
  readonly problem: ApiProblem | undefined
}

/**
 * Asks the engine for the reward before anything is spent on candidates.
 * @throws ApiProblem for a reward that does not exist or cannot judge such replies
 */
export async function engineReward(
  engine: Engine,
  reference: RewardReference,
  question: Question,
  wholeReplies: WholeReplies,
  { optional, signal }: { readonly optional: boolean; readonly signal: AbortSignal },
): Promise<EngineReward> {
  const request = { reward: reference, question, wholeReplies }
  const { reward: name, traits } = await verdictsOf(engine, { ...request, responses: [] }, signal)
  let problem: ApiProblem | undefined
  const reward: Reward = {
    name,
    traits: { ...traits, optional },
    async score(_question, answers, stop) {
      try {
        const responses = answers.map(({ text }) => text)
        return (await verdictsOf(engine, { ...request, responses }, stop)).verdicts
      } catch (error) {
        if (!(error instanceof ApiProblem)) throw error
        problem = error
        throw new RewardError(name, error.message)
      }
    },
  }
  return {
    reward,
    get problem() {
      return problem
    },
  }
}

async function verdictsOf(engine: Engine, request: RewardRequest, signal: AbortSignal) {
  for await (const batch of engine.judge(request, signal))
    for (const event of batch) if (event.type === 'reward-verdicts') return event
  throw new ApiProblem('engine-error', 'The engine ended without verdicts.')
}
