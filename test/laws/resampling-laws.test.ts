import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fkdPotential, noRewards, type PotentialKind, potential } from '../../src/guidance/potentials.ts'
import { effectiveSampleSize, logMeanExp, normalised, type Resampler, resample } from '../../src/guidance/resampling.ts'
import { ancestorLaw, assertNear, mean } from './enumeration.ts'

/** Numbers as in shared algorithms.md, sections 4.1, 4.3 and 4.5. */
const schemes: readonly Resampler[] = ['systematic', 'stratified', 'multinomial', 'residual']
const kinds: readonly PotentialKind[] = ['difference', 'max', 'sum']
const no = Number.NEGATIVE_INFINITY

const weightCases: readonly (readonly number[])[] = [
  [1],
  [0.5, 0.5],
  [0.1, 0.9],
  [0, 1],
  [1, 0],
  [0.1, 0.2, 0.3, 0.4],
  [0.4, 0.3, 0.2, 0.1],
  [0.05, 0.7, 0.25],
  [0.7, 0.1, 0.1, 0.1],
  [0, 0.37, 0, 0.63],
  [1 / 3, 1 / 3, 1 / 3],
  [0.25, 0.25, 0.25, 0.25],
  normalised([0.3, -2, 1.7, 0]),
  normalised([no, 0.1, no, no]),
]

const copies = (ancestors: readonly number[], i: number) => ancestors.filter((ancestor) => ancestor === i).length

for (const scheme of schemes) {
  test(`${scheme}: the expected number of copies is N * weight, exactly`, () => {
    for (const weights of weightCases) {
      const law = ancestorLaw(scheme, weights)
      assertNear(
        mean(law, () => 1),
        1,
        1e-12,
      )
      for (const [i, weight] of weights.entries())
        assertNear(
          mean(law, (ancestors) => copies(ancestors, i)),
          weights.length * weight,
          1e-11,
          `copies of ${i} of ${weights}`,
        )
    }
  })

  test(`${scheme}: N ascending ancestors, none of weight zero, as many copies as the scheme allows`, () => {
    for (const weights of weightCases)
      for (const { result: ancestors } of ancestorLaw(scheme, weights)) {
        assert.equal(ancestors.length, weights.length)
        assert.deepEqual(
          ancestors,
          ancestors.toSorted((a, b) => a - b),
        )
        for (const [i, weight] of weights.entries())
          assertCopies(scheme, copies(ancestors, i), weights.length * weight, weight)
      }
  })

  test(`${scheme}: zero weights are never chosen, whatever the uniforms, ends included`, () => {
    const log = fc.oneof(fc.double({ min: -800, max: 800, noNaN: true }), fc.constant(no))
    const uniform = fc.oneof(fc.double({ min: 0, max: 1 - 2 ** -53, noNaN: true }), fc.constantFrom(0, 1 - 2 ** -53))
    fc.assert(
      fc.property(
        fc.array(log, { minLength: 1, maxLength: 8 }).filter((logs) => logs.some((value) => value > no)),
        fc.infiniteStream(uniform),
        (logs, uniforms) => {
          const weights = normalised(logs)
          const ancestors = resample(scheme, weights, () => uniforms.next().value!)
          assert.equal(ancestors.length, weights.length)
          for (const ancestor of ancestors) assert.ok(weights[ancestor]! > 0, `${ancestors} of ${weights}`)
        },
      ),
    )
  })
}

function assertCopies(scheme: Resampler, count: number, expected: number, weight: number): void {
  const slack = 1e-9
  if (weight === 0) assert.equal(count, 0)
  if (scheme === 'systematic') assert.ok(Math.abs(count - expected) < 1 + slack && Number.isInteger(count))
  if (scheme === 'residual') assert.ok(count >= Math.floor(expected + slack))
  if (scheme === 'stratified') assert.ok(Math.abs(count - expected) < 2)
}

test('systematic: no count is off by one whole copy', () => {
  for (const weights of weightCases)
    for (const { result: ancestors } of ancestorLaw('systematic', weights))
      for (const [i, weight] of weights.entries()) {
        const expected = weights.length * weight
        const allowed = [Math.floor(expected + 1e-9), Math.ceil(expected - 1e-9)]
        assert.ok(allowed.includes(copies(ancestors, i)), `${ancestors} of ${weights}`)
      }
})

test('golden: systematic with weights (.1, .2, .3, .4)', () => {
  const weights = [0.1, 0.2, 0.3, 0.4]
  assert.deepEqual(
    resample('systematic', weights, () => 0.5),
    [1, 2, 3, 3],
  )
  assert.deepEqual(
    resample('systematic', weights, () => 0),
    [0, 1, 2, 3],
  )
})

test('equal weights: systematic and residual change nothing', () => {
  for (let n = 1; n <= 32; n++) {
    const identity = Array.from({ length: n }, (_, i) => i)
    const weights = normalised(identity.map(() => -0.7))
    assert.deepEqual(
      resample('systematic', weights, () => 0.5),
      identity,
    )
    assert.deepEqual(
      resample('residual', weights, () => 0.5),
      identity,
    )
  }
})

test('golden: effective sample sizes', () => {
  const size = (...weights: number[]) => effectiveSampleSize(normalised(weights.map(Math.log)))
  assertNear(size(1, 1, 2), 8 / 3, 1e-12)
  assertNear(size(0, 0, 1, 0), 1, 1e-12)
  assertNear(size(0.1, 0.2, 0.3, 0.4), 10 / 3, 1e-12)
  for (let n = 1; n <= 128; n++) assertNear(effectiveSampleSize(normalised(Array(n).fill(-3.3))), n, 1e-10)
})

test('collapsed: all weights zero, size zero, mean zero, and no NaN', () => {
  assert.deepEqual(normalised([no, no]), [0, 0])
  assert.equal(effectiveSampleSize([0, 0]), 0)
  assert.equal(logMeanExp([no, no]), no)
})

test('log-weights far from zero neither overflow nor underflow', () => {
  assertNear(logMeanExp([1e5, 1e5 + Math.log(3)]), 1e5 + Math.log(2), 1e-9)
  assertNear(normalised([-1e5, -1e5 + Math.log(3)])[1]!, 0.75, 1e-9)
})

type Step = typeof potential

/** log G at each checkpoint of a path of rewards, the last of which is the finished answer's. */
function logPotentials(step: Step, kind: PotentialKind, lambda: number, rewards: readonly number[]): number[] {
  let history = noRewards
  return rewards.map((reward, j) => {
    const next = step(kind, lambda, reward, history, j === rewards.length - 1)
    history = next.history
    return next.logG
  })
}

const golden: Readonly<Record<PotentialKind, readonly number[]>> = {
  difference: [0.4, 0.6, -0.2],
  max: [0.4, 1, -0.6],
  sum: [0.4, 1.4, -1],
}

test("golden: 'max' remembers a reward that was lost again", () => {
  for (const [j, logG] of [1, 1, 1.2, -2.4].entries())
    assertNear(logPotentials(potential, 'max', 2, [0.5, 0.2, 0.6, 0.4])[j]!, logG, 1e-12, `G_${j + 1}`)
})

for (const kind of kinds) {
  test(`golden: log-potentials '${kind}', lambda 2, rewards (.2, .5, .4)`, () => {
    for (const [j, logG] of logPotentials(potential, kind, 2, [0.2, 0.5, 0.4]).entries())
      assertNear(logG, golden[kind][j]!, 1e-12, `G_${j + 1}`)
  })

  test(`potential '${kind}': over any path of rewards, the product is exp(lambda * the last)`, () => {
    const reward = fc.double({ min: -50, max: 50, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(reward, { minLength: 1, maxLength: 12 }),
        fc.double({ min: -20, max: 20, noNaN: true }),
        (rewards, lambda) => {
          const logGs = logPotentials(potential, kind, lambda, rewards)
          const largest = Math.max(1, ...logGs.map(Math.abs))
          assertNear(
            logGs.reduce((sum, logG) => sum + logG, 0),
            lambda * rewards.at(-1)!,
            1e-12 * largest * rewards.length,
          )
        },
      ),
    )
  })

  test(`potential '${kind}': an answer at -Infinity has weight zero for either sign of lambda, and no NaN follows`, () => {
    for (const lambda of [-3, 2])
      for (const rewards of [[no], [0.3, no], [no, no], [no, 0.2], [0.1, no, 0.4]]) {
        const logGs = logPotentials(potential, kind, lambda, rewards)
        for (const logG of logGs) assert.ok(logG < Number.POSITIVE_INFINITY, `${logGs}`)
        if (rewards.at(-1) === no) assert.equal(Math.min(...logGs), no)
      }
  })

  test(`potential '${kind}': lambda 0 is 1 throughout`, () => {
    for (const logG of logPotentials(potential, kind, 0, [3, no, -2])) assert.equal(logG, 0)
  })
}

test("golden: compat 'fkd' corrects the end by the running value, not by the reward", () => {
  const terminal = (kind: PotentialKind) => logPotentials(fkdPotential, kind, 2, [0.2, 0.5, 0.4])[2]!
  assertNear(terminal('max'), -0.4, 1e-12)
  assertNear(terminal('sum'), 0.4, 1e-12)
  assertNear(terminal('difference'), -0.2, 1e-12)
})

test("compat 'fkd': 'max' never falls below 0, and weights end at 1e10", () => {
  assert.deepEqual(
    logPotentials(fkdPotential, 'max', 10, [-3, -1, -2]).map((logG) => logG + 0),
    [0, 0, 0],
  )
  assert.deepEqual(logPotentials(fkdPotential, 'difference', 10, [2.5]), [Math.log(1e10)])
})

test("compat 'fkd': what would be NaN is weight zero, as in the reference", () => {
  assert.deepEqual(logPotentials(fkdPotential, 'difference', 1, [no, no]), [no, no])
})
