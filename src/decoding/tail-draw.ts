import type { TokenDraw } from './decoder.ts'
import type { LogitRow } from './mix.ts'
import type { SamplingParams } from './sampling-params.ts'

/** The stretch of the vocabulary, outside the most likely tokens, in which a uniform number falls. */
export interface TailChunk {
  /** Id of the first token. */
  readonly firstId: number
  /** Probabilities; those of the most likely tokens are 0. */
  readonly probs: LogitRow
  /** Mass of the less likely tokens with lower ids. */
  readonly before: number
}

/** Whether every token keeps its mass, so that a draw beyond the most likely tokens needs nothing of their order. */
export const drawsFromTail = (params: SamplingParams): boolean =>
  params.temperature > 0 && params.topK === undefined && params.topP >= 1 && params.minP <= 0

/**
 * Draws beyond the most likely tokens: those come first in the cumulative distribution, the others after them by their ids.
 * Undefined when rounding put `u` into a stretch without any possible token.
 * @param headMass mass of the most likely tokens
 * @param u uniform in [headMass, 1)
 */
export function drawFromTail(
  chunk: TailChunk,
  headMass: number,
  u: number,
): Pick<TokenDraw, 'id' | 'logprob'> | undefined {
  const target = u - headMass - chunk.before
  let cumulative = 0
  let last = -1
  for (let i = 0; i < chunk.probs.length; i++) {
    const p = chunk.probs[i]!
    if (!(p > 0)) continue
    last = i
    cumulative += p
    if (cumulative > target) break
  }
  // The graph sums in fp32: a sliver of the mass can lie past the chunk's end, and is its last token's.
  return last < 0 ? undefined : { id: chunk.firstId + last, logprob: Math.log(chunk.probs[last]!) }
}
