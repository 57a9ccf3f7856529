import assert from 'node:assert/strict'
import type { ParticleFilter } from '../../src/guidance/particle-filter.ts'
import { normalised, type Resampler, resample } from '../../src/guidance/resampling.ts'
import { softIndex } from '../../src/guidance/selection.ts'

/** Decides what is left to chance: index i in the branch of probability `probabilities[i]`. */
export type Chance = (probabilities: readonly number[]) => number

export interface Outcome<T> {
  readonly probability: number
  readonly result: T
}

interface Branch {
  readonly probabilities: readonly number[]
  index: number
}

/**
 * Every outcome of a random computation with its exact probability: runs it once for each leaf of its decision tree, depth
 * first. Given the decisions so far, it must ask the same next one each time.
 */
export async function enumerated<T>(run: (chance: Chance) => Promise<T>): Promise<Outcome<T>[]> {
  const outcomes: Outcome<T>[] = []
  const path: Branch[] = []
  do {
    let depth = 0
    const result = await run((probabilities) => {
      const known = path[depth++]
      if (known === undefined)
        return path[path.push({ probabilities, index: nextBranch(probabilities, -1) }) - 1]!.index
      assert.equal(known.probabilities.length, probabilities.length, 'the computation is not a function of its chances')
      return known.index
    })
    assert.equal(depth, path.length, 'the computation is not a function of its chances')
    const probability = path.reduce((product, { probabilities, index }) => product * probabilities[index]!, 1)
    outcomes.push({ probability, result })
  } while (advance(path))
  assertNear(
    mean(outcomes, () => 1),
    1,
    1e-11,
    'the probabilities do not add up to one',
  )
  return outcomes
}

function advance(path: Branch[]): boolean {
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    last.index = nextBranch(last.probabilities, last.index)
    if (last.index < last.probabilities.length) return true
    path.pop()
  }
  return false
}

/** Next index of positive probability; the length when there is none. */
function nextBranch(probabilities: readonly number[], after: number): number {
  let index = after + 1
  while (index < probabilities.length && !(probabilities[index]! > 0)) index++
  return index
}

export const mean = <T>(outcomes: readonly Outcome<T>[], value: (result: T) => number): number =>
  outcomes.reduce((sum, { probability, result }) => sum + probability * value(result), 0)

/** The law of a label, such as the chosen text. */
export function lawOf<T>(outcomes: readonly Outcome<T>[], label: (result: T) => string): Map<string, number> {
  const law = new Map<string, number>()
  for (const { probability, result } of outcomes) add(law, label(result), probability)
  return law
}

export function add(law: Map<string, number>, key: string, mass: number): void {
  law.set(key, (law.get(key) ?? 0) + mass)
}

export function assertNear(actual: number, expected: number, tolerance: number, what = ''): void {
  if (actual === expected) return
  assert.ok(Math.abs(actual - expected) <= tolerance, `${what}: ${actual} instead of ${expected}`)
}

export function assertSameLaw(
  actual: ReadonlyMap<string, number>,
  expected: ReadonlyMap<string, number>,
  tolerance: number,
) {
  for (const key of new Set([...actual.keys(), ...expected.keys()]))
    assertNear(actual.get(key) ?? 0, expected.get(key) ?? 0, tolerance, `'${key}'`)
}

const ancestorLaws = new Map<string, Outcome<number[]>[]>()

/** The exact law of the real resampler: a vector of ancestors and its probability. */
export function ancestorLaw(scheme: Resampler, weights: readonly number[]): Outcome<number[]>[] {
  const key = `${scheme} ${weights}`
  const known = ancestorLaws.get(key) ?? integrated(scheme, weights)
  ancestorLaws.set(key, known)
  return known
}

function integrated(scheme: Resampler, weights: readonly number[]): Outcome<number[]>[] {
  switch (scheme) {
    case 'systematic':
      return cells(weights, (cut, i) => cut * weights.length - i).map(({ probability, result: u }) => ({
        probability,
        result: resample(scheme, weights, () => u),
      }))
    case 'stratified': // one uniform for each slot, each with its own breakpoints
      return independent(
        weights.map((_, i) => cells(weights, (cut) => cut * weights.length - i)),
        scheme,
        weights,
      )
    case 'multinomial':
      return independent(
        weights.map(() => cells(weights, (cut) => cut)),
        scheme,
        weights,
      )
    case 'residual': {
      const fractions = weights.map((weight) => {
        const rest = weight * weights.length - Math.floor(weight * weights.length + 1e-9)
        return Math.max(0, rest)
      })
      const left = Math.round(fractions.reduce((sum, value) => sum + value, 0))
      const shares = fractions.map((value) => value / left)
      return independent(
        Array.from({ length: left }, () => cells(shares, (cut) => cut)),
        scheme,
        weights,
      )
    }
  }
}

/**
 * Cells of [0, 1) within which nothing changes, each by its length and a point inside it: breakpoints are the cumulative
 * weights, carried into the uniform's own coordinate for each slot.
 */
function cells(weights: readonly number[], carried: (cut: number, slot: number) => number): Outcome<number>[] {
  let cumulative = 0
  const cuts = weights.flatMap((weight) => {
    cumulative += weight
    return weights.map((_, slot) => carried(cumulative, slot))
  })
  const inside = [...new Set([0, 1, ...cuts])].filter((cut) => cut >= 0 && cut <= 1).sort((a, b) => a - b)
  return inside.slice(1).flatMap((end, i) => {
    const start = inside[i]!
    // what is as short as rounding is no cell
    return end - start < 1e-13 ? [] : [{ probability: end - start, result: (start + end) / 2 }]
  })
}

/** Ancestors for every combination of the cells of independent uniforms, equal vectors added up. */
function independent(
  uniforms: readonly (readonly Outcome<number>[])[],
  scheme: Resampler,
  weights: readonly number[],
): Outcome<number[]>[] {
  let joint: Outcome<number[]>[] = [{ probability: 1, result: [] }]
  for (const own of uniforms)
    joint = joint.flatMap(({ probability, result }) =>
      own.map((cell) => ({ probability: probability * cell.probability, result: [...result, cell.result] })),
    )
  const law = new Map<string, Outcome<number[]>>()
  for (const { probability, result: points } of joint) {
    let next = 0
    const ancestors = resample(scheme, weights, () => points[next++]!)
    assert.equal(next, points.length, `${scheme} drew another number of uniforms than its law has`)
    const key = ancestors.join()
    law.set(key, { probability: (law.get(key)?.probability ?? 0) + probability, result: ancestors })
  }
  return [...law.values()]
}

/** The real resampler with its chance left open: for feynmanKac's `choose`. */
export function enumeratedResampling(chance: Chance): ConstructorParameters<typeof ParticleFilter>[4] {
  return (scheme, weights) => {
    const law = ancestorLaw(scheme, weights)
    return law[chance(law.map(({ probability }) => probability))]!.result
  }
}

/** The law of the real soft selection; the sum is 0 where it chooses none. */
export function softLaw(scores: readonly number[], temperature: number): number[] {
  const law = scores.map(() => 0)
  const weights = normalised(scores.map((score) => score / temperature))
  for (const { probability, result: u } of cells(weights, (cut) => cut)) {
    const index = softIndex(scores, temperature, u)
    if (index !== undefined) law[index]! += probability
  }
  return law
}

/** The real soft selection with its chance left open: for feynmanKac's `pick`. */
export const enumeratedPick =
  (chance: Chance): typeof softIndex =>
  (scores, temperature) => {
    if (scores.every((score) => score === Number.NEGATIVE_INFINITY)) return softIndex(scores, temperature, 0)
    return chance(softLaw(scores, temperature))
  }
