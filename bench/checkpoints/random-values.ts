import type { RandomValues } from './safetensors-file.ts'

const poolSize = 1 << 20

/**
 * Normally distributed values of this standard deviation: one pool, read again and again from another place. Good enough
 * for weights that only have to cost what real ones cost.
 */
export function normalValues(deviation: number, seed = 1): RandomValues {
  const pool = new Uint16Array(poolSize)
  const uniform = uniforms(seed)
  for (let i = 0; i < poolSize; i++) {
    // Box and Muller
    const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
    pool[i] = bf16(deviation * radius * Math.cos(2 * Math.PI * uniform()))
  }
  return {
    next(count) {
      const start = Math.floor(uniform() * (poolSize >> 1))
      return pool.subarray(start, Math.min(poolSize, start + count))
    },
  }
}

export function constantValues(value: number): RandomValues {
  const pool = new Uint16Array(4096).fill(bf16(value))
  return { next: (count) => pool.subarray(0, Math.min(pool.length, count)) }
}

/** The nearest bfloat16 towards zero. */
export function bf16(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16
}

/** Uniform numbers in [0, 1) from a linear congruential generator (Numerical Recipes). */
function uniforms(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}
