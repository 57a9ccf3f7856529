import { childSeed, uniform } from '../decoding/rng.ts'
import type { Uniforms } from './resampling.ts'

// Children below this are answers (choices, candidates, particles); what chooses among them has streams of its own.
const firstInner = 1 << 20
const selecting = firstInner
const resampling = firstInner + 1
const forking = firstInner + 2
const running = firstInner + 3
const searching = firstInner + 4
const repeating = firstInner + 5

/** The seed of one of several answers; the first has the request's own, so that one answer is what plain sampling gives. */
export const answerSeed = (seed: bigint, index: number): bigint => (index === 0 ? seed : childSeed(seed, index))

/** The uniform number that picks the answer in the end. */
export const selectionUniform = (seed: bigint): number => uniform(childSeed(seed, selecting), 0)

/** Uniform numbers of one resampling. */
export function resamplingUniforms(seed: bigint, checkpoint: number): Uniforms {
  const own = childSeed(childSeed(seed, resampling), checkpoint)
  let counter = 0
  return () => uniform(own, counter++)
}

/** The seed of a copy made for `slot` at a checkpoint: two copies must never draw alike. */
export const forkSeed = (seed: bigint, checkpoint: number, slot: number): bigint =>
  childSeed(childSeed(childSeed(seed, forking), checkpoint), slot)

/** The seed of one of several runs that one answer is chosen from; the first has the choice's own. */
export const runSeed = (seed: bigint, index: number): bigint =>
  index === 0 ? seed : childSeed(childSeed(seed, running), index)

/**
 * The seed of one of several choices that each decode several answers; the first has the request's own. Not that of a run:
 * the second run of the first choice would be the first run of the second.
 */
export const choiceSeed = (seed: bigint, index: number): bigint =>
  index === 0 ? seed : childSeed(childSeed(seed, repeating), index)

/** The uniform number that picks one of several runs; the first run picks with its own, which is that of the request. */
export const runSelectionUniform = (seed: bigint): number => selectionUniform(childSeed(childSeed(seed, running), 0))

/** The seed of one continuation that a search tries in one of its rounds: no two of them may draw alike. */
export const searchSeed = (seed: bigint, round: number, draw: number): bigint =>
  childSeed(childSeed(childSeed(seed, searching), round), draw)
