import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpstreamError } from '../../src/decoding/upstream/http/upstream-error.ts'
import { assertRow, reportedLaw, restMass } from '../../src/decoding/upstream/known-law.ts'

const row = (...probabilities: readonly number[]) => ({
  ids: probabilities.map((_, id) => id),
  logprobs: probabilities.map(Math.log),
})

test('what is left of a row is what its sum leaves', () => {
  assert.ok(Math.abs(restMass(row(0.5, 0.3)) - 0.2) < 1e-12)
})

test('no token outside of a row has more than the rest, nor, of ranked ones, than the least of them', () => {
  const atMost = (tokens: ReturnType<typeof row>, ranked: boolean) => Math.exp(reportedLaw(tokens, ranked).restAtMost)
  assert.ok(Math.abs(atMost(row(0.5, 0.3), true) - 0.2) < 1e-12)
  assert.ok(Math.abs(atMost(row(0.5, 0.1), true) - 0.1) < 1e-12)
  assert.ok(Math.abs(atMost(row(0.5, 0.1), false) - 0.4) < 1e-12)
})

test('a row that rounding brings to 1 or beyond promises nothing of what is outside', () => {
  assert.ok(restMass(row(0.6, 0.4)) > 0)
  // as much is uncertain below 1 as was found above it
  assert.ok(restMass(row(0.6, 0.405)) >= 0.005 - 1e-12)
  assert.ok(reportedLaw(row(0.6, 0.405), true).restAtMost > Number.NEGATIVE_INFINITY)
})

test('a row that sums up to more than rounding explains, or names a token twice, is no law', () => {
  assertRow('gpu', row(0.6, 0.405))
  for (const broken of [row(0.6, 0.6), row(0.9, 0.2, 0.1), { ids: [1, 1], logprobs: [-1, -2] }, row(Number.NaN)])
    assert.throws(
      () => assertRow('gpu', broken),
      (error) => error instanceof UpstreamError && error.kind === 'protocol' && /'gpu' reported/.test(error.message),
    )
})
