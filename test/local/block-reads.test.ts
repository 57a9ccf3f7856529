import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type BlockRange, blockReads } from '../../src/decoding/local/block-reads.ts'

const rowsOf = (...rows: readonly (readonly number[])[]) =>
  rows.map((indices) => ({ context: { blocks: indices.map((index) => ({ index })) } }))

const from = (start: number, count: number): number[] => Array.from({ length: count }, (_, i) => start + i)
const isEmpty = ({ start, end }: BlockRange): boolean => start === end

/** Eight answers of two blocks behind a prompt of seven. */
const forks = from(0, 8).map((k) => [...from(1, 7), 8 + 2 * k, 9 + 2 * k])

describe('blocks that many rows share are a range of their own', () => {
  test('where nothing is shared, one range covers the rows and nothing else', () => {
    const { ranges } = blockReads(rowsOf([4, 5], [9, 10]), 3)
    assert.deepEqual(ranges, [
      { start: 4, end: 11, most: 1 },
      { start: 0, end: 0, most: 1 },
    ])
  })

  test('where all is shared as well', () => {
    const { ranges } = blockReads(rowsOf(...from(0, 12).map(() => from(3, 9))), 3)
    assert.deepEqual(ranges[0], { start: 3, end: 12, most: 12 })
    assert.ok(isEmpty(ranges[1]))
  })

  test('a shared prompt is told from the answers behind it', () => {
    const { ranges } = blockReads(rowsOf(...forks), 3)
    assert.deepEqual(ranges, [
      { start: 8, end: 24, most: 1 },
      { start: 1, end: 8, most: 8 },
    ])
  })

  test('a pair of rows is not worth two ranges, and one block that two share is no shared prompt', () => {
    assert.ok(isEmpty(blockReads(rowsOf([1, 2, 3], [1, 2, 4]), 3).ranges[1]))
    const pair = blockReads(rowsOf(...forks, [...from(1, 7), 22, 24]), 3)
    assert.deepEqual(pair.ranges[1], { start: 1, end: 8, most: 9 })
    assert.equal(pair.ranges[0].most, 2)
  })

  test('block 0, which shorter rows read, joins the range beside it', () => {
    const { ranges } = blockReads(rowsOf(...forks, [24]), 3)
    assert.deepEqual(ranges, [
      { start: 8, end: 25, most: 1 },
      { start: 0, end: 8, most: 8 },
    ])
    const far = blockReads(rowsOf(...forks.map((row) => row.map((index) => index + 200)), [1]), 3)
    assert.deepEqual(far.ranges[0].start, 0)
  })

  test('a block is never multiplied with a single query', () => {
    for (const rows of [rowsOf([1]), rowsOf(), rowsOf([]), rowsOf(...from(0, 40).map((k) => [...from(1, 9), 10 + k]))])
      for (const range of blockReads(rows, 1).ranges) assert.ok(isEmpty(range) || range.most >= 2)
  })
})

test('every row finds each of its blocks, at a place of its own among its readers', () => {
  const family = fc.record({
    prompt: fc.nat(12),
    answers: fc.array(fc.nat(4), { minLength: 1, maxLength: 12 }),
    gap: fc.nat(3),
  })
  fc.assert(
    fc.property(fc.array(family, { minLength: 1, maxLength: 4 }), fc.constantFrom(1, 3, 12), (families, queries) => {
      let next = 1
      const take = (count: number): number[] => {
        next += count
        return from(next - count, count)
      }
      const rows = families.flatMap(({ prompt, answers, gap }) => {
        next += gap
        const shared = take(prompt)
        return answers.map((count) => [...shared, ...take(count)])
      })
      const reads = blockReads(rowsOf(...rows), queries)
      const asked = new Set<string>()
      for (const [r, blocks] of rows.entries())
        for (let j = 0; j < reads.slots; j++) {
          const at = r * reads.slots + j
          const { start, end, most } = reads.ranges[reads.range[at]!]!
          const [index, reader] = [start + reads.place[at]!, reads.reader[at]!]
          assert.equal(index, blocks[j] ?? 0)
          assert.ok(index < end && reader < most)
          if (j >= blocks.length) continue
          assert.ok(!asked.has(`${index} ${reader}`))
          asked.add(`${index} ${reader}`)
        }
    }),
  )
})
