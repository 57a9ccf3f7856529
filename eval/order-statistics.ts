/**
 * Unbiased estimate of E[max of n] from M >= n independent samples: the mean of the maximum over all subsets of n of them,
 * sum_i C(i - 1, n - 1) / C(M, n) r_(i) over the ascending order statistics.
 */
export function expectedMaximum(samples: readonly number[], n: number): number {
  const ascending = [...samples].sort((a, b) => a - b)
  return subsetMaximumWeights(ascending.length, n).reduce((sum, weight, i) => sum + weight * ascending[i]!, 0)
}

/** How often the i-th smallest of M is the largest of a random subset of n, i from 0; sums to 1. */
export function subsetMaximumWeights(count: number, n: number): readonly number[] {
  if (n < 1 || n > count) throw new RangeError(`The best of ${n} cannot be estimated from ${count} samples.`)
  const weights = new Array<number>(count).fill(0)
  // From the largest, whose weight is n / M, downwards: C(i - 1, n - 1) / C(i, n - 1) = (i - n + 1) / i.
  let weight = n / count
  for (let i = count - 1; i >= n - 1; i--) {
    weights[i] = weight
    weight *= (i - n + 1) / i
  }
  return weights
}
