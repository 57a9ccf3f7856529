/** log N - (N - 1) / N: no best-of-N law is further from the base (arXiv 2401.01879), in nats. */
export const bestOfKlBound = (n: number): number => Math.log(n) - (n - 1) / n

/** N / (N + 1): how often, at most, the best of N beats a fresh sample of the base (ties count a half). */
export const bestOfWinRateBound = (n: number): number => n / (n + 1)

/**
 * Estimate of KL(best-of-N || base) from the base's probability of the chosen answer (arXiv 2401.01879, section 5):
 * never above the bound, to which it tends as the probability tends to 0; on average not below the exact value, in all laws enumerated.
 * @param logProbability natural log of the base's probability of the whole answer, its end included
 */
export function bestOfKlEstimate(n: number, logProbability: number): number {
  const p = Math.exp(logProbability)
  if (p >= 1) return 0
  const missed = Math.exp(n * Math.log1p(-p))
  const found = -Math.expm1(n * Math.log1p(-p))
  if (!(found > 0)) return bestOfKlBound(n)
  const estimate =
    missed * (Math.log(n) + (n - 1) * Math.log1p(-p) - (n - 1) / n) + found * (Math.log(found) - logProbability)
  // rounding lifts it above what it tends to
  return Math.min(estimate, bestOfKlBound(n))
}
