import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type InvalidLogitsError, mixLogits } from '../../src/decoding/mix.ts'

const no = Number.NEGATIVE_INFINITY

function mixed(rows: number[][], coefficients: number[]): number[] {
  const out = new Float64Array(rows[0]!.length)
  mixLogits(
    out,
    rows.map((row) => Float64Array.from(row)),
    coefficients,
  )
  return Array.from(out)
}

test('rows add with their coefficients', () => {
  assert.deepEqual(
    mixed(
      [
        [1, 2],
        [10, 20],
        [100, 200],
      ],
      [1, 0.5, -2],
    ),
    [-194, -388],
  )
})

test('a token that the base forbids stays forbidden, whatever the guides say', () => {
  assert.deepEqual(
    mixed(
      [
        [no, 0],
        [no, 1],
      ],
      [1, -1],
    ),
    [no, -1],
  )
  assert.deepEqual(
    mixed(
      [
        [no, 0],
        [5, 1],
      ],
      [0, 1],
    ),
    [no, 1],
  )
})

test('a token that a positive guide forbids is forbidden', () => {
  assert.deepEqual(
    mixed(
      [
        [0, 0],
        [no, 1],
      ],
      [1, 0.25],
    ),
    [no, 0.25],
  )
})

test('a row with coefficient zero is not read', () => {
  assert.deepEqual(
    mixed(
      [
        [0, 1],
        [Number.NaN, no],
      ],
      [1, 0],
    ),
    [0, 1],
  )
})

test('a sum that is no logit is a named error', () => {
  const broken: [number[][], number[]][] = [
    [
      [
        [0, 0],
        [0, no],
      ],
      [1, -1],
    ],
    [[[0, Number.NaN]], [1]],
    [[[0, 1e308]], [10]],
  ]
  for (const [rows, coefficients] of broken) {
    assert.throws(() => mixed(rows, coefficients), {
      name: 'InvalidLogitsError',
      id: 1,
    } satisfies Partial<InvalidLogitsError>)
  }
})
