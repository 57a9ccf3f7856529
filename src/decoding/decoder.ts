import type { TokenGrammar } from './grammar/token-grammar.ts'
import type { SamplingParams } from './sampling-params.ts'
import type { SpeculationMeter, SpeculationOptions } from './speculation.ts'

/**
 * One context a sequence is decoded in: a model (with or without an adapter) that reads the answer behind its own prompt.
 * The next token is drawn from softmax(sum over terms of coefficient * logits / temperature).
 */
export interface LogitTerm {
  /** A loaded model's name. */
  readonly model: string
  /** One of that model's LoRA adapters. */
  readonly adapter: string | undefined
  readonly promptIds: readonly number[]
  readonly coefficient: number
}

export interface SequenceRequest {
  /** terms[0] is the base: its model owns the vocabulary, the end-of-sequence ids and the chat template. */
  readonly terms: readonly LogitTerm[]
  readonly sampling: SamplingParams
  /**
   * What the answer must be: each token is drawn from the law of `terms` among those that the grammar allows there, and the
   * answer ends by itself only where it is complete. Over the base's vocabulary; the local engine's alone.
   */
  readonly grammar?: TokenGrammar
  /**
   * How many forks may live at one time besides the opened sequence: room for them is kept from the start, so that forking
   * cannot run out of memory midway; a released one makes room for another. Default 0.
   */
  readonly forks?: number
  /**
   * The answer is advanced in segments and goes on behind most of them: an upstream may draw on in the same call while a segment is
   * judged. The local engine draws what it is asked for.
   */
  readonly ahead?: boolean
  /** W3C trace context that calls to engines elsewhere carry on. */
  readonly traceparent?: string
  /** How a guided answer over an upstream is drafted; the local engine drafts nothing. */
  readonly speculation?: SpeculationOptions
  /** Told of every round of drafting and verifying that an upstream took. */
  readonly meter?: SpeculationMeter
}

export interface TokenAlternative {
  readonly id: number
  readonly logprob: number
  /** Like the drawn token's; absent without `trace`, and where an upstream reports no more than the drawn token's. */
  readonly termLogprobs?: readonly number[] | undefined
}

/** One drawn token. */
export interface TokenDraw {
  readonly id: number
  /** Natural log of its probability under the law it was drawn from (temperature 0: under the law at temperature 1). */
  readonly logprob: number
  /** The most likely tokens of that law, best first; present when `topLogprobs` was asked for. */
  readonly top: readonly TokenAlternative[] | undefined
  /** log softmax(logits)[id] of each term at temperature 1, in the order of `terms`; present when `trace` was asked for. */
  readonly termLogprobs: readonly number[] | undefined
}

export type FinishReason = 'stop' | 'length'

/** What became final since the last one: text that can no longer be cut by a stop string, and the draws it came from. */
export interface SequenceDelta {
  readonly text: string
  readonly draws: readonly TokenDraw[]
}

/** An answer under way. */
export interface Sequence {
  readonly request: SequenceRequest
  /** Tokens drawn so far, those of a stop string or an end-of-sequence token included. */
  readonly generatedTokens: number
  /** Prompt tokens of the base whose K/V came from the prefix cache. */
  readonly cachedTokens: number
  /** Final text so far. */
  readonly text: string
  readonly finishReason: FinishReason | undefined
  /** The draw of the end-of-sequence or stop token that ended the answer: part of its law, not of its text. */
  readonly endDraw: TokenDraw | undefined
}

/** Where tokens come from: the local engine or an upstream. Guides tilt its terms, strategies choose among its sequences. */
export interface Decoder {
  /**
   * Admits a sequence; nothing is computed yet.
   * @throws ContextLengthError, OverloadedError, UnknownModelError
   */
  open(request: SequenceRequest): Sequence
  /**
   * Draws up to `maxNewTokens` more tokens, then leaves the sequence paused so that it can be resumed or forked;
   * 0 only prefills. Ends early when the sequence finishes.
   * @throws the signal's reason within one step of an abort
   */
  advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta>
  /** A copy of a paused sequence that shares its K/V by reference and goes on with its own random stream. */
  fork(sequence: Sequence, seed: bigint): Sequence
  /** Frees everything the sequence holds; releasing twice is harmless. */
  release(sequence: Sequence): void
}
