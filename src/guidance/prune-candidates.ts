import { advanceAll } from './advance-all.ts'
import type { CandidatePool } from './best-of.ts'
import type { Judge } from './judge.ts'
import type { StrategyEvent } from './strategy.ts'
import type { BestOfOptions } from './whole-answer-options.ts'

/**
 * Speculative rejection (arXiv 2410.20290, algorithm 1) with rounds at given lengths: after each, the share `keep` of the
 * pool, finished candidates included, stays; the others give their memory back at once.
 */
export async function* pruneCandidates(
  pool: CandidatePool,
  options: BestOfOptions,
  judge: Judge | undefined,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  const { prune } = options
  if (prune === undefined || judge === undefined) return
  for (const length of prune.at) {
    const left = remaining(pool)
    const unfinished = left.filter((i) => !pool.candidates[i]!.finished).map((i) => pool.candidates[i]!)
    if (left.length === 1 || unfinished.length === 0) return
    const segment = (answer: (typeof unfinished)[number], stop: AbortSignal) =>
      answer.advance(length - answer.generatedTokens, stop)
    for await (const _ of advanceAll(unfinished, segment, signal));
    if (!(await judgeBeginnings(pool, left, judge))) return
    const dropped = drop(pool, left, prune.keep, length)
    yield {
      type: 'progress',
      message: `best_of: ${left.length - dropped} of ${options.n} candidates left at ${length} tokens`,
    }
  }
}

const remaining = ({ findings }: CandidatePool): number[] =>
  findings.flatMap(({ prunedAt }, i) => (prunedAt === undefined ? [i] : []))

/**
 * A finished candidate keeps its score; the others are scored as they stand.
 * @returns false when the reward failed and the request goes on without it
 */
async function judgeBeginnings({ candidates, findings }: CandidatePool, left: readonly number[], judge: Judge) {
  const asked = left.filter((i) => !findings[i]!.judgedWhole)
  const scores = await judge.scoresIfAny(asked.map((i) => candidates[i]!))
  if (scores === undefined) return false
  for (const [k, i] of asked.entries()) {
    findings[i]!.score = scores[k]!
    findings[i]!.judgedWhole = candidates[i]!.finished
  }
  return true
}

function drop({ candidates, findings }: CandidatePool, left: readonly number[], keep: number, length: number): number {
  const kept = Math.max(1, Math.round(keep * left.length))
  const ranked = left.toSorted((a, b) => findings[b]!.score! - findings[a]!.score! || a - b)
  for (const i of ranked.slice(kept)) {
    findings[i]!.prunedAt = length
    candidates[i]!.release()
  }
  return left.length - kept
}
