/** y = offset + slope * x^exponent */
export interface PowerLaw {
  readonly offset: number
  readonly slope: number
  readonly exponent: number
  /** Root mean square of the relative residuals */
  readonly error: number
}

export interface Point {
  readonly x: number
  readonly y: number
}

/** Least squares of relative residuals, so that small and large costs count alike. @param points at least two, y > 0 */
export function fitLine(points: readonly Point[]): PowerLaw {
  return fitWithExponent(points, 1)
}

/**
 * The exponent that explains the points best beside a constant cost, from 0.05 to 3. A cost that hardly changes over the points has no
 * exponent worth the name: see `growth`. Two points have a line only.
 */
export function fitPowerLaw(points: readonly Point[]): PowerLaw {
  let best = fitLine(points)
  if (points.length < 3) return best
  for (let step = 1; step <= 60; step++) {
    const law = fitWithExponent(points, step * 0.05)
    // a falling curve with a huge offset explains anything
    if (law.slope > 0 && law.offset >= 0 && law.error < best.error) best = law
  }
  return best
}

/** How many times as much the last point costs as the first. */
export const growth = (points: readonly Point[]): number => points.at(-1)!.y / points[0]!.y

function fitWithExponent(points: readonly Point[], exponent: number): PowerLaw {
  // weighted normal equations of y = a + b z with z = x^exponent and weights 1 / y^2
  const sums = { w: 0, z: 0, zz: 0, y: 0, zy: 0 }
  for (const { x, y } of points) {
    const z = x ** exponent
    const w = 1 / (y * y)
    sums.w += w
    sums.z += w * z
    sums.zz += w * z * z
    sums.y += w * y
    sums.zy += w * z * y
  }
  const determinant = sums.w * sums.zz - sums.z * sums.z
  const slope = (sums.w * sums.zy - sums.z * sums.y) / determinant
  const offset = (sums.y - slope * sums.z) / sums.w
  const squares = points.map(({ x, y }) => ((offset + slope * x ** exponent - y) / y) ** 2)
  const error = Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / points.length)
  return { offset, slope, exponent, error }
}
