export type PotentialKind = 'difference' | 'max' | 'sum'
export type PotentialCompat = 'fkd' | 'its_hub'

/** What a particle's past checkpoints left for its next potential. */
export interface RewardHistory {
  /** Reward at the last checkpoint; 0 before the first. */
  readonly last: number
  /** Largest so far; -Infinity before the first (0 in the reference code). */
  readonly max: number
  readonly sum: number
  /** Sum of the log-potentials so far. */
  readonly logProduct: number
}

export const noRewards: RewardHistory = { last: 0, max: Number.NEGATIVE_INFINITY, sum: 0, logProduct: 0 }

/** Log-potential of one checkpoint and the history that follows it. */
export interface Potential {
  readonly logG: number
  readonly history: RewardHistory
}

/**
 * G_j of Feynman-Kac steering (arXiv 2501.06848, section 3.2), corrected at the end of an answer so that the product over an
 * answer's checkpoints is exp(lambda * final reward) for every kind: then weighted answers are unbiased for the base tilted by it.
 * @param terminal whether `reward` is that of the finished answer
 */
export function potential(
  kind: PotentialKind,
  lambda: number,
  reward: number,
  history: RewardHistory,
  terminal: boolean,
): Potential {
  const next = { last: reward, max: Math.max(history.max, reward), sum: history.sum + reward }
  const logG = terminal
    ? difference(times(lambda, reward), history.logProduct)
    : kind === 'difference'
      ? difference(times(lambda, reward), times(lambda, history.last))
      : times(lambda, next[kind])
  return { logG, history: { ...next, logProduct: history.logProduct + logG } }
}

/**
 * The reference class's potentials (zacharyhorvitz/Fk-Diffusion-Steering, FKDClass): running values start at 0, the end is
 * corrected by the running value instead of the reward, and weights are clamped to 1e10. Kept for comparison: the products do
 * not telescope (docs/methods/particles.md).
 */
export function fkdPotential(
  kind: PotentialKind,
  lambda: number,
  reward: number,
  history: RewardHistory,
  terminal: boolean,
): Potential {
  const next = { last: reward, max: Math.max(history.max, 0, reward), sum: history.sum + reward }
  const running = kind === 'difference' ? reward - history.last : next[kind]
  const corrected = terminal && kind !== 'difference' ? lambda * running - history.logProduct : lambda * running
  // as there, NaN is weight 0: it comes of -Infinity after -Infinity
  const logG = Number.isNaN(corrected) ? Number.NEGATIVE_INFINITY : Math.min(corrected, Math.log(1e10))
  return { logG, history: { ...next, logProduct: history.logProduct + logG } }
}

/** lambda * reward; at -Infinity, which must not be chosen, that stays it whatever the sign of lambda. */
export function times(lambda: number, reward: number): number {
  if (lambda === 0) return 0
  return reward === Number.NEGATIVE_INFINITY ? reward : lambda * reward
}

// -Infinity - -Infinity: a weight that is 0 already stays as it is
const difference = (a: number, b: number): number => (b === Number.NEGATIVE_INFINITY ? 0 : a - b)
