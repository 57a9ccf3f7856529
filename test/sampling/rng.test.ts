import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childSeed, type PhiloxBlock, philox4x32, promptSeed, uniform } from '../../src/decoding/rng.ts'

// The three philox4x32_10 lines of kat_vectors in the Random123 distribution.
const known: { counter: PhiloxBlock; key: [number, number]; block: PhiloxBlock }[] = [
  { counter: [0, 0, 0, 0], key: [0, 0], block: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    block: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    block: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
]

test('philox gives the known answers of Random123', () => {
  for (const { counter, key, block } of known) assert.deepEqual(philox4x32(counter, key), block)
})

test('uniform is the upper 53 bits of a block keyed by the seed', () => {
  assert.equal(uniform(0n, 0), ((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6)) / 2 ** 53)
  assert.equal(uniform(-1n, 3), uniform(0xffffffffffffffffn, 3))
  assert.notEqual(uniform(1n, 0), uniform(1n << 32n, 0))
  assert.notEqual(uniform(1n, 0), uniform(1n, 2 ** 32))
})

test('draws fill [0, 1) evenly, along a stream and across seeds', () => {
  for (const draw of [(i: number) => uniform(7n, i), (i: number) => uniform(BigInt(i), 0)]) {
    const bins = new Array<number>(16).fill(0)
    for (let i = 0; i < 16_000; i++) bins[Math.floor(draw(i) * 16)]! += 1
    const chiSquare = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    assert.ok(chiSquare < 60, `chi-square ${chiSquare} with 15 degrees of freedom`)
  }
})

test('children differ from their parent, their siblings and each other', () => {
  const seeds = [7n, ...Array.from({ length: 100 }, (_, index) => childSeed(7n, index)), childSeed(childSeed(7n, 0), 0)]
  assert.equal(new Set(seeds).size, seeds.length)
  assert.equal(childSeed(7n, 3), childSeed(7n, 3))
  for (const seed of seeds) assert.ok(seed >= 0n && seed < 1n << 64n)
})

test('the first prompt has the seed of its request; the others have none that a choice has', () => {
  assert.equal(promptSeed(7n, 0), 7n)
  const seeds = Array.from({ length: 128 }, (_, index) => promptSeed(7n, index))
  const choices = seeds.flatMap((seed) => Array.from({ length: 8 }, (_, index) => childSeed(seed, index)))
  assert.equal(new Set([...seeds, ...choices]).size, seeds.length + choices.length)
})
