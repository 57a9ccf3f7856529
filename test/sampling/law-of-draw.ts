import assert from 'node:assert/strict'
import { drawFromLogits } from '../../src/decoding/sampler.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { selectionScratch } from '../../src/decoding/top-logits.ts'

/**
 * The exact law of `draw` by its inverse-CDF structure: a token owns one interval of u, whose length must be the probability
 * that the draw reports. Walks from breakpoint to breakpoint and checks both sides of each.
 * @param draw reports the drawn token and its log-probability for a given u
 */
export function lawOfDraw(draw: (u: number) => { id: number; logprob: number }, vocabSize: number): number[] {
  const law = new Array<number>(vocabSize).fill(0)
  let start = 0
  // Breakpoints are known to about 1e-15, and what lies within 1e-12 of the end is too small to be told apart.
  while (start < 1 - 1e-12) {
    const { id, logprob } = draw(start === 0 ? 0 : start + 1e-14)
    assert.equal(law[id], 0, `token ${id} owns two intervals`)
    law[id] = Math.exp(logprob)
    const end = start + law[id]
    const margin = Math.min(1e-12, law[id] / 4)
    assert.equal(draw(Math.min(end, 1) - margin).id, id, 'the interval is shorter than the probability reported')
    start = end
  }
  assert.ok(Math.abs(start - 1) < 1e-9, `the intervals cover ${start}`)
  return law
}

/** The law that the real sampler draws from for one row of logits. */
export function lawOfRow(logits: Float64Array, params: SamplingParams): number[] {
  const scratch = selectionScratch(logits.length)
  return lawOfDraw((u) => drawFromLogits(logits, params, u, scratch), logits.length)
}

/** @throws AssertionError when two laws differ anywhere by more than `tolerance` */
export function assertLaw(actual: readonly number[], expected: readonly number[], tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length)
  const off = actual.findIndex((p, id) => !(Math.abs(p - expected[id]!) <= tolerance))
  assert.equal(off, -1, `token ${off}: ${actual[off]} instead of ${expected[off]}`)
}

export function softmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits)
  const max = Math.max(...values)
  const weights = values.map((value) => Math.exp(value - max))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}
