import type { Decoder, FinishReason, SequenceRequest, TokenDraw } from '../decoding/decoder.ts'

/** What happens to a request's choices, in order; each choice ends with its `choice-end`. */
export type StrategyEvent =
  | {
      readonly type: 'choice-delta'
      readonly index: number
      readonly text: string
      /** The draws whose text has become final; text may run ahead of them. */
      readonly draws: readonly TokenDraw[]
    }
  | {
      readonly type: 'choice-end'
      readonly index: number
      readonly finishReason: FinishReason
      /** The draw that ended the choice, where an end-of-sequence or stop token did; no delta holds it. */
      readonly endDraw: TokenDraw | undefined
      /** Draws that the choice's deltas held. */
      readonly returnedTokens: number
      /** All draws, those of a stop string or an end-of-sequence token included. */
      readonly generatedTokens: number
      readonly cachedTokens: number
    }

/**
 * Chooses sequences. Whatever it opens or forks it releases, whether it ends, throws, is aborted, or its consumer leaves.
 * @throws what Decoder.open throws; the signal's reason
 */
export type Strategy = (
  request: SequenceRequest,
  decoder: Decoder,
  signal: AbortSignal,
) => AsyncGenerator<StrategyEvent>
