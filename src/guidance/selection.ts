import { type RewardTraits, withinUnit } from '../rm/reward.ts'
import { normalised } from './resampling.ts'

export type Selection = 'best' | 'soft' | 'vote' | 'weighted_vote'

/** What selection looks at. */
export interface Scored {
  /** Undefined where no reward was asked for (plain votes). */
  readonly score: number | undefined
  /** The extracted answer, for votes; undefined when there is none. */
  readonly vote: string | undefined
}

/** Index of the highest score, the first one on ties. */
export function bestIndex(scores: readonly number[]): number {
  let best = 0
  for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i
  return best
}

/**
 * Soft best-of-N (arXiv 2505.03156): index i with probability proportional to exp(score_i / temperature).
 * @returns undefined when every score is -Infinity
 */
export function softIndex(scores: readonly number[], temperature: number, u: number): number | undefined {
  const best = Math.max(...scores)
  if (best === Number.NEGATIVE_INFINITY) return undefined
  // the difference first, so that no small temperature overflows
  const weights = normalised(scores.map((score) => (score - best) / temperature))
  let cumulative = 0
  let last: number | undefined
  for (const [i, weight] of weights.entries()) {
    if (weight === 0) continue
    last = i
    cumulative += weight
    if (cumulative > u) return i
  }
  return last
}

/**
 * Self-consistency (arXiv 2203.11171): the most frequent answer, or the one with the largest summed weight. Candidates
 * without an answer have no vote. Ties go to the higher score, then to the first candidate.
 * @param weights one per candidate; ones for a plain vote
 * @returns the winner's best-scored candidate; undefined when nobody voted
 */
export function voteIndex(candidates: readonly Scored[], weights: readonly number[]): number | undefined {
  const totals = new Map<string, { weight: number; best: number }>()
  for (const [i, { vote }] of candidates.entries()) {
    if (vote === undefined) continue
    const held = totals.get(vote)
    if (held === undefined) totals.set(vote, { weight: weights[i]!, best: i })
    else totals.set(vote, { weight: held.weight + weights[i]!, best: better(candidates, held.best, i) })
  }
  let winner: { weight: number; best: number } | undefined
  for (const total of totals.values())
    if (
      winner === undefined ||
      total.weight > winner.weight ||
      (total.weight === winner.weight && better(candidates, winner.best, total.best) !== winner.best)
    )
      winner = total
  return winner?.best
}

const better = (candidates: readonly Scored[], a: number, b: number): number =>
  (candidates[b]!.score ?? 0) > (candidates[a]!.score ?? 0) ? b : a

/**
 * Weights of a weighted vote: the scores themselves where the reward's range lies within [0, 1], otherwise softmax over the
 * candidates, which no unbounded or negative score upsets. -Infinity weighs 0 in both.
 */
export function voteWeights(scores: readonly number[], range: RewardTraits['range']): number[] {
  return withinUnit(range) ? scores.map((score) => Math.max(0, score)) : normalised(scores)
}
