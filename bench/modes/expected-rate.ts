import { expectedTokens } from '../../src/decoding/upstream/block-length.ts'
import type { EngineTimes } from './timed-engine.ts'

/** Tokens a second of blocks of one length: what a round yields over two calls, one behind the other. */
export function blockRate({ roundTrip, decode, read }: EngineTimes, acceptance: number, length: number): number {
  return (1000 * expectedTokens(acceptance, length)) / (2 * roundTrip + length * decode + read)
}

/** The best of all lengths up to 32, one draft each. */
export function bestBlockRate(times: EngineTimes, acceptance: number): number {
  return Math.max(...Array.from({ length: 32 }, (_, i) => blockRate(times, acceptance, i + 1)))
}

/** Guides inside the engine: every token takes the base and the guide, and the round trip is paid once an answer. */
export function inEngineRate({ decode, read }: EngineTimes): number {
  return 1000 / (decode + read)
}
