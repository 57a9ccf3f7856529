import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { quantiseInt4, quantiseInt8, quantiseRows } from '../../src/decoding/graph/quantise.ts'

const matrices = fc
  .tuple(fc.integer({ min: 1, max: 3 }), fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(512, 544, 576)))
  .chain(([rows, columns]) =>
    fc
      .array(fc.float({ min: -4, max: 4, noNaN: true }), { minLength: rows * columns, maxLength: rows * columns })
      .map((values) => ({ rows, columns, values: Float32Array.from(values) })),
  )

test('int8 blocks are within half a level of the weights', () => {
  fc.assert(
    fc.property(matrices, ({ rows, columns, values }) => {
      const { values: levels, scales, blockSize } = quantiseInt8(values, rows, columns)
      const blocks = Math.ceil(columns / blockSize)
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) {
          const block = row * blocks + Math.floor(column / blockSize)
          const restored = (levels[block * blockSize + (column % blockSize)]! - 128) * scales[block]!
          assert.ok(Math.abs(restored - values[row * columns + column]!) <= scales[block]! * 0.5001 + 1e-7)
        }
    }),
  )
})

test('int8 blocks are wide where a step waits for the matrix, and cut no row', () => {
  const widthOf = (columns: number) => quantiseInt8(new Float32Array(columns), 1, columns).blockSize
  assert.deepEqual([128, 512, 544, 576, 1536].map(widthOf), [32, 32, 32, 64, 64])
})

test('int4 blocks pack two levels a byte, low nibble first, and keep the extreme value', () => {
  const values = new Float32Array(32)
  values[0] = -8
  values[1] = 3
  values[31] = 7
  const { values: packed, scales } = quantiseInt4(values, 1, 32)
  assert.equal(scales[0], 1)
  assert.equal(packed[0], 0 | (11 << 4))
  assert.equal(packed[15], 8 | (15 << 4))
})

test('rows have one scale each and symmetric levels', () => {
  const { values, scales } = quantiseRows(Float32Array.of(1, -2, 0.5, 0.25, 0, 0), 3, 2)
  assert.deepEqual([...values], [64, -127, 127, 64, 0, 0])
  assert.ok(Math.abs(scales[0]! - 2 / 127) < 1e-8 && Math.abs(scales[1]! - 0.5 / 127) < 1e-8)
})
