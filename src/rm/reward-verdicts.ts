import type { Answer, Question, Reward, Verdict } from './reward.ts'
import { RewardError } from './reward-error.ts'
import { inTimeSlices } from './time-slices.ts'

/** A verdict that is nothing but its score. */
export const plainVerdict = (score: number): Verdict => ({ score, attributes: undefined, steps: undefined })

/**
 * A reward that is held to its contract, whoever wrote it: as many verdicts as answers, no NaN, no +Infinity; after an abort
 * it rejects with the signal's reason; no answers need no judge.
 */
export function checkedReward(reward: Reward): Reward {
  return {
    name: reward.name,
    traits: reward.traits,
    async score(question, answers, signal) {
      signal.throwIfAborted()
      if (answers.length === 0) return []
      const verdicts = await reward.score(question, answers, signal)
      signal.throwIfAborted()
      assertSound(reward.name, verdicts, answers.length)
      return verdicts
    },
  }
}

function assertSound(reward: string, verdicts: readonly Verdict[], count: number): void {
  if (verdicts.length !== count)
    throw new RewardError(reward, `it gave ${verdicts.length} verdicts for ${count} answers.`)
  for (const [i, { score }] of verdicts.entries())
    if (Number.isNaN(score) || score === Number.POSITIVE_INFINITY)
      throw new RewardError(reward, `its score of answer ${i} is ${score}.`)
}

/**
 * A reward that judges each answer on its own, by computing.
 * @param judgeFor reads the question once, whatever the number of answers
 */
export function ruleReward(
  name: string,
  traits: { readonly partial: boolean; readonly range: Reward['traits']['range'] },
  judgeFor: (question: Question) => (answer: Answer) => Verdict,
): Reward {
  return {
    name,
    traits: { ...traits, relative: false, wholeReplies: true },
    async score(question, answers, signal) {
      signal.throwIfAborted()
      if (!traits.partial) refuseUnfinished(name, answers)
      return await inTimeSlices(answers, signal, judgeFor(question))
    },
  }
}

/** @throws RewardError for the beginning of an answer, where only whole ones can be judged */
export function refuseUnfinished(reward: string, answers: readonly Answer[]): void {
  const index = answers.findIndex(({ finished }) => !finished)
  if (index >= 0) throw new RewardError(reward, `answer ${index} is unfinished, and it judges only whole answers.`)
}
