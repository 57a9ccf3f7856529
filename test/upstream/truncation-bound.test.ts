import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type KnownLaw, reportedLaw, wholeLaw } from '../../src/decoding/upstream/known-law.ts'
import { largest } from '../../src/decoding/upstream/largest.ts'
import type { TermLaw } from '../../src/decoding/upstream/tilted-law.ts'
import { outsideBounds } from '../../src/decoding/upstream/truncation-bound.ts'
import { assertNear } from '../laws/enumeration.ts'

/** The mass that guided weights p^a * g can have at most outside of the `count` most likely tokens, with p known there only. */
function outsideMass(
  p: readonly number[],
  guide: KnownLaw,
  count: number,
  coefficients = [1, 1],
  temperature = 1,
): number {
  const ranked = p.map((_, id) => id).sort((a, b) => p[b]! - p[a]! || a - b)
  const ids = ranked.slice(0, count)
  const reported = { ids, logprobs: ids.map((id) => Math.log(p[id]!)) }
  const base: TermLaw = { coefficient: coefficients[0]!, law: reportedLaw(reported, true) }
  const law = { terms: [base, { coefficient: coefficients[1]!, law: guide }], shifts: new Map() }
  return Math.exp(outsideBounds(law, base, reported, new Set(ids), p.length, temperature).logMass)
}

/** A guide's weights as they are, whatever they add up to. */
const weights = (g: readonly number[]): KnownLaw => ({
  logprob: (id) => Math.log(g[id]!),
  score: (id) => Math.log(g[id]!),
  ids: undefined,
  restAtMost: Number.NEGATIVE_INFINITY,
  addTo(out, coefficient) {
    for (const [id, weight] of g.entries()) out[id]! += coefficient * Math.log(weight)
  },
})

test('golden: the greedy fill of the derivation', () => {
  const p = [0.4, 0.25, 0.15, 0.1, 0.06, 0.04]
  const g = [0.2, 0.1, 0.3, 0.5, 0.05, 0.9]
  // mass .2 is left, each token has at most .15: .15 * .9 + .05 * .5
  assertNear(outsideMass(p, weights(g), 3), 0.16, 1e-15)
  const inside = 0.4 * 0.2 + 0.25 * 0.1 + 0.15 * 0.3
  assertNear(0.16 / (inside + 0.16), 0.516129, 1e-6)
})

test('golden: a base coefficient of two weighs each token at most with the cap, one of a half spreads the mass', () => {
  const p = [0.5, 0.2, 0.15, 0.1, 0.05]
  const g = [1, 1, 0.9, 0.5, 0.25]
  // mass .3 is left, each token has at most .2: .2 * (.2 * .9 + .1 * .5)
  assertNear(outsideMass(p, weights(g), 2, [2, 1]), 0.046, 1e-12)
  // by Hoelder sqrt(.3 * (.81 + .25 + .0625)) = .580, by the cap sqrt(.2) * 1.65 = .738
  assertNear(outsideMass(p, weights(g), 2, [0.5, 1]), Math.sqrt(0.3 * 1.1225), 1e-12)
  // where one token has nearly all the weight the cap on it is the lower one: sqrt(.25) * 1.02 against sqrt(.45)
  assertNear(outsideMass([0.3, 0.25, 0.2, 0.15, 0.1], weights([1, 1, 1, 0.01, 0.01]), 2, [0.5, 1]), 0.51, 1e-12)
})

const law = (size: number) =>
  fc.array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: size, maxLength: size }).map((values) => {
    const total = values.reduce((sum, value) => sum + value, 0)
    return values.map((value) => value / total)
  })

test('the bound is never below what is really outside, whatever the coefficients, the temperature and what a guide reports', () => {
  const input = fc.record({
    p: law(7),
    g: law(7),
    count: fc.integer({ min: 1, max: 7 }),
    base: fc.double({ min: 0, max: 2, noNaN: true }),
    weight: fc.double({ min: -1.5, max: 2.5, noNaN: true }),
    temperature: fc.constantFrom(0.5, 1, 1.7),
    reported: fc.option(fc.integer({ min: 1, max: 7 }), { nil: undefined }),
    ranked: fc.boolean(),
  })
  fc.assert(
    fc.property(input, ({ p, g, count, base, weight, temperature, reported, ranked }) => {
      const guide = reported === undefined ? wholeLaw(Float64Array.from(g, Math.log)) : partial(g, reported, ranked)
      const outside = p
        .map((_, id) => id)
        .sort((a, b) => p[b]! - p[a]! || a - b)
        .slice(count)
      const truth = outside.reduce((sum, id) => sum + (p[id]! ** base * g[id]! ** weight) ** (1 / temperature), 0)
      const bound = outsideMass(p, guide, count, [base, weight], temperature)
      assert.ok(bound >= truth * (1 - 1e-9), `${bound} < ${truth}`)
    }),
    { numRuns: 2000 },
  )
})

/** What an engine reports of a law: its most likely tokens, or those it was asked for. */
function partial(g: readonly number[], count: number, ranked: boolean): KnownLaw {
  const all = g.map((_, id) => id)
  const ids = (ranked ? all.sort((a, b) => g[b]! - g[a]!) : all).slice(0, count)
  return reportedLaw({ ids, logprobs: ids.map((id) => Math.log(g[id]!)) }, ranked)
}

test('the largest values are the head of the sorted ones', () => {
  fc.assert(
    fc.property(fc.float64Array({ noNaN: true, maxLength: 60 }), fc.integer({ min: 1, max: 10 }), (values, count) => {
      assert.deepEqual(largest(values, count), values.slice().sort().reverse().slice(0, count))
    }),
  )
})
