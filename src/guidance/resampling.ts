export type Resampler = 'systematic' | 'stratified' | 'multinomial' | 'residual'

/** A source of independent uniform numbers in [0, 1). */
export type Uniforms = () => number

/**
 * Ancestors of the next population: index i is drawn so that the expected number of its copies is N * weights[i]
 * (arXiv 2501.06848 section 3; Douc, Cappé and Moulines 2005).
 * @param weights normalised, of length N
 * @returns N indices, ascending
 */
export function resample(scheme: Resampler, weights: readonly number[], next: Uniforms): number[] {
  switch (scheme) {
    case 'systematic':
      return systematic(weights, next())
    case 'stratified':
      return locate(
        weights,
        weights.map((_, i) => (i + next()) / weights.length),
      )
    case 'multinomial':
      return locate(weights, weights.map(() => next()).sort(ascending))
    case 'residual':
      return residual(weights, next)
  }
}

const ascending = (a: number, b: number): number => a - b

function systematic(weights: readonly number[], u: number): number[] {
  return locate(
    weights,
    weights.map((_, i) => (i + u) / weights.length),
  )
}

/** Whole copies are certain; what is left of each weight is drawn multinomially. */
function residual(weights: readonly number[], next: Uniforms): number[] {
  const count = weights.length
  // a product that is whole up to rounding counts as whole
  const sure = weights.map((weight) => Math.floor(weight * count + 1e-9))
  const copies = sure.flatMap((times, i) => Array<number>(times).fill(i))
  const left = count - copies.length
  if (left <= 0) return copies.slice(0, count)
  const rest = weights.map((weight, i) => Math.max(0, weight * count - sure[i]!))
  const total = rest.reduce((sum, value) => sum + value, 0)
  const shares = rest.map((value) => value / total)
  const points = Array.from({ length: left }, next).sort(ascending)
  return [...copies, ...locate(shares, points)].sort(ascending)
}

/** The index whose stretch of the cumulative weights holds each point; points ascend. */
function locate(weights: readonly number[], points: readonly number[]): number[] {
  const last = weights.findLastIndex((weight) => weight > 0)
  let index = 0
  let end = weights[0]!
  return points.map((point) => {
    while (point >= end && index < last) end += weights[++index]!
    return index
  })
}

/** softmax(logWeights); all zeros when every one is -Infinity. */
export function normalised(logWeights: readonly number[]): number[] {
  const max = Math.max(...logWeights)
  if (max === Number.NEGATIVE_INFINITY) return logWeights.map(() => 0)
  const weights = logWeights.map((value) => Math.exp(value - max))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => weight / total)
}

/** 1 / sum of squares of normalised weights: between 1 and N; 0 when all weights are 0. */
export function effectiveSampleSize(weights: readonly number[]): number {
  const squares = weights.reduce((sum, weight) => sum + weight * weight, 0)
  return squares === 0 ? 0 : 1 / squares
}

/** log of the mean of exp(values). */
export function logMeanExp(values: readonly number[]): number {
  const max = Math.max(...values)
  if (!Number.isFinite(max)) return max
  return max + Math.log(values.reduce((sum, value) => sum + Math.exp(value - max), 0) / values.length)
}
