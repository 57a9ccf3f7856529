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
