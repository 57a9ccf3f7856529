import { zScores } from './normalise.ts'
import type { Answer, Question, Reward, RewardTraits, Verdict } from './reward.ts'
import { RewardError, rewardFailure } from './reward-error.ts'

/** One of the rewards that are added, e.g. `helpful` at 0.7. */
export interface RewardPart {
  readonly reward: Reward
  /** Any finite number; below 0 what the reward likes counts against the answer. */
  readonly weight: number
}

export interface CombinationOptions {
  /** Whether each part's scores are z-scored over the answers before they are weighted. */
  readonly zScore: boolean
}

/**
 * Sum of weight * score over the parts. An answer that a part of weight other than 0 puts at -Infinity stays there, whatever
 * the weight's sign. Attributes hold each part's own score by its name, and the part's own attributes as `part.attribute`.
 */
export function combinationReward(name: string, parts: readonly RewardPart[], options: CombinationOptions): Reward {
  assertParts(name, parts)
  return {
    name,
    traits: traitsOf(parts, options),
    async score(question, answers, signal) {
      signal.throwIfAborted()
      const judged: (readonly Verdict[])[] = []
      for (const { reward } of parts) judged.push(await judge(name, reward, question, answers, signal))
      const scores = judged.map((verdicts) => verdicts.map(({ score }) => score))
      const scaled = options.zScore ? scores.map(zScores) : scores
      return answers.map((_, a) => ({
        score: weightedSum(parts, (p) => scaled[p]![a]!),
        attributes: attributesOf(parts, (p) => judged[p]![a]!),
        steps: undefined,
      }))
    },
  }
}

function assertParts(name: string, parts: readonly RewardPart[]): void {
  if (parts.length === 0) throw new TypeError(`The reward '${name}' combines nothing: name at least one reward.`)
  const bad = parts.find(({ weight }) => !Number.isFinite(weight))
  if (bad !== undefined) throw new TypeError(`The reward '${name}' weighs '${bad.reward.name}' by ${bad.weight}.`)
}

function traitsOf(parts: readonly RewardPart[], { zScore }: CombinationOptions): RewardTraits {
  return {
    partial: parts.every(({ reward }) => reward.traits.partial),
    range: zScore ? undefined : rangeOf(parts),
    relative: zScore || parts.some(({ reward }) => reward.traits.relative),
    ...(parts.every(({ reward }) => reward.traits.wholeReplies === true) ? { wholeReplies: true } : {}),
  }
}

function rangeOf(parts: readonly RewardPart[]): RewardTraits['range'] {
  let [low, high] = [0, 0]
  for (const { reward, weight } of parts) {
    if (weight === 0) continue
    if (reward.traits.range === undefined) return undefined
    const ends = reward.traits.range.map((end) => weight * end)
    low += Math.min(...ends)
    high += Math.max(...ends)
  }
  return [low, high]
}

/** A part that fails fails the whole, which names it. */
async function judge(
  name: string,
  reward: Reward,
  question: Question,
  answers: readonly Answer[],
  signal: AbortSignal,
): Promise<readonly Verdict[]> {
  try {
    return await reward.score(question, answers, signal)
  } catch (error) {
    const failure = rewardFailure(reward.name, error, signal)
    if (!(failure instanceof RewardError) || signal.aborted) throw failure
    throw new RewardError(name, `its part '${reward.name}': ${error instanceof Error ? error.message : String(error)}`)
  }
}

function weightedSum(parts: readonly RewardPart[], scoreOf: (part: number) => number): number {
  let sum = 0
  for (const [p, { weight }] of parts.entries()) {
    if (weight === 0) continue
    if (scoreOf(p) === Number.NEGATIVE_INFINITY) return Number.NEGATIVE_INFINITY
    sum += weight * scoreOf(p)
  }
  return sum
}

function attributesOf(parts: readonly RewardPart[], verdictOf: (part: number) => Verdict): Record<string, number> {
  const attributes: Record<string, number> = {}
  for (const [p, { reward }] of parts.entries()) {
    const { score, attributes: own } = verdictOf(p)
    attributes[reward.name] = score
    for (const [attribute, value] of Object.entries(own ?? {})) attributes[`${reward.name}.${attribute}`] = value
  }
  return attributes
}
