import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Block, KvPool } from '../../src/decoding/local/kv-pool.ts'

const shape = { layerCount: 1, kvHeadCount: 1, headSize: 2 }
const capacity = 12

/** Fills a block with a number of its own, so that moved content can be recognised. */
function brand(pool: KvPool, block: Block, value: number): void {
  const size = pool.blockFloats
  pool.keys[0]!.fill(value, block.index * size, (block.index + 1) * size)
  pool.values[0]!.fill(-value, block.index * size, (block.index + 1) * size)
}

function readBrand(pool: KvPool, block: Block): readonly (number | undefined)[] {
  return [pool.keys[0]![block.index * pool.blockFloats], pool.values[0]![(block.index + 1) * pool.blockFloats - 1]]
}

test('blocks keep their content while others come and go, and every block comes back', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(99), { maxLength: 200 }), (actions) => {
      const pool = new KvPool(shape, capacity)
      const held: { block: Block; brand: number; times: number }[] = []
      for (const [step, action] of actions.entries()) {
        const entry = held[action % Math.max(1, held.length)]
        if (action < 40 && pool.free > 0) {
          const block = pool.allocate(action % 2 === 0 ? 'low' : 'end')
          brand(pool, block, step + 1)
          held.push({ block, brand: step + 1, times: 1 })
        } else if (entry !== undefined && action < 60) {
          pool.hold(entry.block)
          entry.times++
        } else if (entry !== undefined && action < 70 && pool.free > 0 && entry.times > 1) {
          const own = pool.copy(entry.block)
          entry.times--
          held.push({ block: own, brand: entry.brand, times: 1 })
        } else if (entry !== undefined) {
          pool.drop(entry.block)
          if (--entry.times === 0) held.splice(held.indexOf(entry), 1)
        }
        for (const { block, brand } of held) assert.deepEqual(readBrand(pool, block), [brand, -brand])
        assert.equal(pool.held, held.length)
        assert.ok(pool.heldEnd <= 1 + held.length + (held.length >> 2) + 2)
      }
      for (const { block, times } of held) for (let i = 0; i < times; i++) pool.drop(block)
      assert.deepEqual([pool.held, pool.free], [0, capacity - 1])
    }),
  )
})

test('a block that only the cache keeps moves away from the held ones and back with its content', () => {
  const pool = new KvPool(shape, capacity)
  const kept = pool.allocate('low')
  kept.cached = true
  brand(pool, kept, 7)
  pool.drop(kept)
  assert.equal(kept.index, capacity - 1)
  assert.deepEqual([pool.held, pool.coldCount, pool.heldEnd], [0, 1, 1])
  pool.hold(kept)
  assert.equal(kept.index, 1)
  assert.deepEqual(readBrand(pool, kept), [7, -7])
})

/** One token's K/V: keys count up from `value`, values are their negatives. */
function stepOf(headSize: number, value: number) {
  const newKeys = Float32Array.from({ length: headSize }, (_, d) => value + d)
  return { rows: 1, tokens: 1, newKeys, newValues: newKeys.map((key) => -key) }
}

for (const headSize of [2, 64, 80])
  test(`a token of heads of ${headSize} lies in its column of the keys' panels and its row of the values'`, () => {
    const pool = new KvPool({ ...shape, headSize }, capacity)
    const block = pool.allocate('low')
    for (const offset of [0, 31, 32, 63]) pool.write(block, offset, stepOf(headSize, 1000 * (offset + 1)), 0, 0)
    const start = block.index * pool.blockFloats
    const width = headSize % 32 === 0 ? 32 : headSize
    for (const offset of [0, 31, 32, 63])
      for (let d = 0; d < headSize; d++) {
        const key = ((offset >> 5) * headSize + d) * 32 + (offset & 31)
        const value = (Math.floor(d / width) * 64 + offset) * width + (d % width)
        assert.equal(pool.keys[0]![start + key], 1000 * (offset + 1) + d)
        assert.equal(pool.values[0]![start + value], -(1000 * (offset + 1) + d))
      }
  })

test('what a broken model wrote is gone when its place is given out again, wherever the block had moved', () => {
  const pool = new KvPool(shape, capacity)
  const broken = pool.allocate('low')
  pool.write(broken, 5, stepOf(2, Number.NaN), 0, 0)
  broken.cached = true
  pool.drop(broken)
  pool.forget(broken)
  for (let i = 1; i < capacity; i++) pool.allocate('low')
  for (const array of [...pool.keys, ...pool.values]) assert.ok(array.every(Number.isFinite))
})
