/** Words of one Philox block, each an unsigned 32-bit integer. */
export type PhiloxBlock = readonly [number, number, number, number]

/**
 * The draw number `counter` of the stream `seed`, uniform in [0, 1) on a grid of 2^-53.
 *
 * A pure function: a token's randomness depends on its request's seed and its own position, never on what else the engine
 * decodes, so a paused, resumed or replayed sequence draws the same numbers.
 * @param seed 64 bits; a longer or negative integer is taken modulo 2^64
 * @param counter 0, 1, 2, ... up to 2^53 - 1
 */
export function uniform(seed: bigint, counter: number): number {
  const [high, low] = block(seed, counter, 'draw')
  return ((high >>> 5) * 2 ** 26 + (low >>> 6)) / 2 ** 53
}

/** Seed of the child `index` of a stream (choice, fork, particle); children, their parent and their siblings are independent. */
export function childSeed(seed: bigint, index: number): bigint {
  return derivedSeed(seed, index, 'child')
}

/** Seed of prompt number `index` of one request: the first prompt has the request's own, so it is answered as if it were alone. */
export function promptSeed(seed: bigint, index: number): bigint {
  return index === 0 ? seed : derivedSeed(seed, index, 'prompt')
}

/** Seed of the call number `index` that an upstream engine draws for a sequence: no two calls of a request may draw alike. */
export function callSeed(seed: bigint, index: number): bigint {
  return derivedSeed(seed, index, 'call')
}

function derivedSeed(seed: bigint, index: number, purpose: 'child' | 'prompt' | 'call'): bigint {
  const [high, low] = block(seed, index, purpose)
  return (BigInt(high) << 32n) | BigInt(low)
}

/**
 * Philox4x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.3).
 * @param counter four words
 * @param key two words
 */
export function philox4x32(counter: PhiloxBlock, key: readonly [number, number]): PhiloxBlock {
  let [c0, c1, c2, c3] = counter
  let [k0, k1] = key
  for (let round = 0; round < 10; round++) {
    const high0 = multiplyHigh(0xd2511f53, c0)
    const low0 = Math.imul(0xd2511f53, c0)
    const high1 = multiplyHigh(0xcd9e8d57, c2)
    const low1 = Math.imul(0xcd9e8d57, c2)
    c0 = (high1 ^ c1 ^ k0) >>> 0
    c1 = low1 >>> 0
    c2 = (high0 ^ c3 ^ k1) >>> 0
    c3 = low0 >>> 0
    k0 = (k0 + 0x9e3779b9) >>> 0
    k1 = (k1 + 0xbb67ae85) >>> 0
  }
  return [c0, c1, c2, c3]
}

// The third counter word separates what the numbers are for, so a derived seed is never also a draw of its parent, nor a
// prompt's seed that of a choice.
const purposes = { draw: 0, child: 1, prompt: 2, call: 3 } as const

function block(seed: bigint, counter: number, purpose: keyof typeof purposes): PhiloxBlock {
  const key = BigInt.asUintN(64, seed)
  return philox4x32(
    [counter >>> 0, Math.floor(counter / 2 ** 32) >>> 0, purposes[purpose], 0],
    [Number(key & 0xffffffffn), Number(key >> 32n)],
  )
}

/** Upper 32 bits of a 32 x 32 bit product; in halves of 16 bits, because a double holds only 53 of the 64. */
function multiplyHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carried = aLow * bHigh + (middle & 0xffff)
  return (aHigh * bHigh + Math.floor(middle / 2 ** 16) + Math.floor(carried / 2 ** 16)) >>> 0
}
