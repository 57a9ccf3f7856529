/** An answer of a pool, in the order it was drawn. */
export interface PooledAnswer {
  readonly text: string
  readonly reward: number
  readonly tokens: number
}

export interface BestWithin {
  readonly answer: PooledAnswer
  readonly candidates: number
  readonly tokens: number
}

/**
 * Best-of-N with as many whole answers as it takes to have decoded at least `tokens`: never fewer than what it is compared
 * with. Undefined where the pool is too small for that.
 */
export function bestWithin(tokens: number, pool: readonly PooledAnswer[]): BestWithin | undefined {
  let spent = 0
  let best: PooledAnswer | undefined
  for (const [index, answer] of pool.entries()) {
    if (best === undefined || answer.reward > best.reward) best = answer
    spent += answer.tokens
    if (spent >= tokens) return { answer: best, candidates: index + 1, tokens: spent }
  }
  return undefined
}
