import type { Decoder, FinishReason, SequenceRequest, TokenDraw } from '../decoding/decoder.ts'

/** How one choice was chosen among others; scores may be -Infinity. */
export interface ChoiceOutcome {
  /** Answers judged for it, beginnings included. */
  readonly rewardCalls: number
  /** Why the answer was not steered to its end: the reward failed, and the request goes on without it. */
  readonly degraded?: string | undefined
  /** The chosen answer's score; undefined where none was asked for. */
  readonly reward?: number | undefined
  readonly candidates?: readonly CandidateReport[] | undefined
  readonly bestOf?: BestOfReport | undefined
  readonly particles?: ParticlesReport | undefined
  readonly search?: SearchReport | undefined
}

export interface CandidateReport {
  readonly text: string
  readonly score: number | undefined
  readonly finishReason: FinishReason | undefined
  readonly tokens: number
  /** Length in tokens at which it was dropped. */
  readonly prunedAt: number | undefined
  /** Its extracted answer, where votes were counted. */
  readonly vote: string | undefined
  readonly chosen: boolean
}

/** What is known of the law of the best of n, against the law the candidates were drawn from (arXiv 2401.01879); nats. */
export interface BestOfReport {
  readonly n: number
  readonly klEstimate: number
  readonly klBound: number
  readonly winRateBound: number
}

export interface ParticlesReport {
  readonly n: number
  /** log of the unbiased estimate of E[exp(lambda * reward)] under the base; -Infinity when collapsed, undefined under a compat convention. */
  readonly logZ: number | undefined
  /** Every particle had weight 0 at some checkpoint. */
  readonly collapsed: boolean
  /** Which particle, after the last checkpoint, is the answer. */
  readonly chosen: number
  readonly steps: readonly CheckpointReport[]
}

export interface CheckpointReport {
  /** Length of the longest particle. */
  readonly tokens: number
  readonly effectiveSampleSize: number
  readonly resampled: boolean
  /** One per particle; undefined from where the reward failed on. */
  readonly rewards: readonly number[] | undefined
  /** Which particle each one continues after this checkpoint. */
  readonly ancestors: readonly number[]
  /** What each particle has written since the checkpoint before; undefined unless a trace was asked for. */
  readonly texts: readonly string[] | undefined
}

export interface SearchReport {
  readonly method: string
  /** Tokens the search might draw in all; undefined without a limit. */
  readonly budget: number | undefined
  /** Tokens it drew. */
  readonly drawn: number
  readonly nodes: readonly SearchNodeReport[]
}

export interface SearchNodeReport {
  /** Its index in the report; undefined for the prompt and what continues it directly. */
  readonly parent: number | undefined
  /** What it adds to its parent's. */
  readonly text: string
  readonly value: number
  readonly visits: number
  readonly finished: boolean
}

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
      /** How the answer was chosen, where it was. */
      readonly outcome?: ChoiceOutcome
    }
  /** A sign of life while no text is final yet. */
  | { readonly type: 'progress'; readonly message: string }

export type ChoiceEvent = Exclude<StrategyEvent, { type: 'progress' }>

/**
 * Chooses sequences. Whatever it opens or forks it releases, whether it ends, throws, is aborted, or its consumer leaves.
 * @throws what Decoder.open throws; the signal's reason
 */
export type Strategy = (
  request: SequenceRequest,
  decoder: Decoder,
  signal: AbortSignal,
) => AsyncGenerator<StrategyEvent>
