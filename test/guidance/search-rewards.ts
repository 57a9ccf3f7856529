import type { Answer, Reward, RewardTraits } from '../../src/rm/reward.ts'
import { RewardError } from '../../src/rm/reward-error.ts'

export const question = { messages: undefined, text: 'hi', references: undefined }

/** A rule as a reward that can judge beginnings. */
export function ruleReward(score: (answer: Answer) => number, traits: Partial<RewardTraits> = {}): Reward {
  return {
    name: 'rule',
    traits: { partial: true, range: [0, 1], relative: false, ...traits },
    score: async (_, answers) =>
      answers.map((answer) => ({ score: score(answer), attributes: undefined, steps: undefined })),
  }
}

/** Share of the letters that are 'a'; half for the empty answer. */
export const shareOfA = ruleReward(
  ({ text }) => (text === '' ? 0.5 : text.split('a').length - 1) / Math.max(1, text.length),
)

/** Judges `good` answers, then fails. */
export function failingReward(good: number): Reward {
  let judged = 0
  return ruleReward(() => {
    if (judged++ >= good) throw new RewardError('rule', 'it is out of order.')
    return 0.5
  })
}
