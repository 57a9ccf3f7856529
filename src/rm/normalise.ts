/** Keeps a list of equal scores from being divided by 0. */
const epsilon = 1e-6

/**
 * (score - mean) / (sigma + 1e-6) over the finite scores, with the population's sigma; -Infinity stays what it is. Scores of
 * rewards in different units can then be added (BLEUBERI, arXiv 2505.11080).
 */
export function zScores(scores: readonly number[]): number[] {
  const finite = scores.filter(Number.isFinite)
  if (finite.length === 0) return [...scores]
  const mean = finite.reduce((sum, score) => sum + score, 0) / finite.length
  const variance = finite.reduce((sum, score) => sum + (score - mean) ** 2, 0) / finite.length
  return scores.map((score) => (Number.isFinite(score) ? (score - mean) / (Math.sqrt(variance) + epsilon) : score))
}
