import { boundedMatches, SearchLimitError } from './bounded-search.ts'
import type { Reward } from './reward.ts'
import { RewardError } from './reward-error.ts'
import { plainVerdict, ruleReward } from './reward-verdicts.ts'

export interface RegexOptions {
  readonly pattern: string
  /** Of i, m, s and u. */
  readonly flags: string
  /** match: 1 where the pattern is found, otherwise 0. count: how often it is found, without overlaps. */
  readonly score: 'match' | 'count'
}

/**
 * Searches each answer; an unfinished one by its text so far. A search that takes too long fails the reward.
 * @throws SyntaxError for a pattern that is none
 */
export function regexReward(name: string, { pattern, flags, score }: RegexOptions): Reward {
  const expression = new RegExp(pattern, flags)
  const range = score === 'match' ? ([0, 1] as const) : ([0, Number.POSITIVE_INFINITY] as const)
  return ruleReward(name, { partial: true, range }, () => ({ text }) => {
    const found = countMatches(name, expression, text)
    return plainVerdict(score === 'match' ? Math.min(1, found) : found)
  })
}

function countMatches(name: string, expression: RegExp, text: string): number {
  try {
    return boundedMatches(expression, text).length
  } catch (error) {
    throw error instanceof SearchLimitError ? new RewardError(name, error.message) : error
  }
}
