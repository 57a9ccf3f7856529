import type { SamplingParams } from '../sampling-params.ts'
import type { Affinity } from './http/upstream-client.ts'
import type { ReportedTokens } from './known-law.ts'

/** What every call to an engine needs to know. */
export interface EngineCall {
  readonly signal: AbortSignal
  /** The same for all calls of one answer and its forks. */
  readonly affinity: Affinity
}

/** One token that an engine drew, with its own log-probability and the most likely tokens of the law it came from. */
export interface EngineToken {
  readonly id: number
  /** At temperature 1, before any filter. */
  readonly logprob: number
  /** Most likely first; as many as were asked for, the drawn token only if it is one of them. */
  readonly top: ReportedTokens
}

/** A continuation at temperature 1 (or greedy), without filters, penalties and biases. */
export interface DraftRequest {
  /** The engine's own name of the model or adapter. */
  readonly model: string
  readonly promptIds: readonly number[]
  readonly maxTokens: number
  /** Independent continuations. */
  readonly count: number
  readonly seed: bigint
  readonly greedy: boolean
  /** Most likely tokens to report at each position. */
  readonly top: number
  /** Draw among this many most likely tokens only. */
  readonly topK: number | undefined
  readonly stopTokenIds: readonly number[]
  readonly ignoreEos: boolean
}

export interface Draft {
  readonly tokens: readonly EngineToken[]
  /** The last token ended the answer. */
  readonly ended: boolean
}

/** A continuation whose sampling is left to the engine. */
export interface StreamRequest {
  readonly model: string
  readonly promptIds: readonly number[]
  readonly maxTokens: number
  readonly sampling: SamplingParams
  readonly seed: bigint
  /** Most likely tokens to report of each token, undefined for none. */
  readonly top: number | undefined
  readonly stopTokenIds: readonly number[]
  /** What guides inside the engine add; undefined: nothing. */
  readonly tilt: EngineTilt | undefined
}

/** Guides that run inside the engine make each token's law softmax(base * base logits + sum of weight * guide logits). */
export interface EngineTilt {
  readonly base: number
  readonly guides: readonly EngineGuide[]
}

export interface EngineGuide {
  /** The engine's own name of it. */
  readonly name: string
  readonly weight: number
  /** What it reads in place of the prompt; undefined: the same. */
  readonly promptIds: readonly number[] | undefined
}

/** What one piece of a stream brought. */
export interface StreamPiece {
  readonly tokens: readonly EngineToken[]
  /** stop: the last token ended the answer. length: as many tokens as asked for, or all the engine has room for. */
  readonly finish: 'stop' | 'length' | undefined
}

export interface BlockRequest {
  readonly model: string
  /** Prompt and answer so far. */
  readonly prefix: readonly number[]
  readonly block: readonly number[]
  /** Ids whose log-probability is wanted before each token of the block; whole: all of the vocabulary. */
  readonly wanted: readonly (readonly number[])[] | 'whole'
}

/** What is known of one law, as an engine reported it. */
export interface ReportedLaw {
  readonly tokens: ReportedTokens
  /** Whether they are the most likely ones. */
  readonly ranked: boolean
}

/** An engine that continues token ids and tells log-probabilities: what vLLM, SGLang and llama-server have in common. */
export interface TokenEngine {
  readonly name: string
  readonly abilities: EngineAbilities
  /** @throws UpstreamError; the signal's reason when aborted */
  draft(request: DraftRequest, call: EngineCall): Promise<readonly Draft[]>
  /** The laws before each token of a block, the block's length many. Throws like `draft`. */
  readBlock(request: BlockRequest, call: EngineCall): Promise<readonly ReportedLaw[]>
  /** Throws like `draft`. */
  stream(request: StreamRequest, call: EngineCall): AsyncGenerator<StreamPiece>
}

/** What a probe found an engine able to do; decides which requests can be served over it. */
export interface EngineAbilities {
  /** Most tokens it reports per position; Infinity: the whole vocabulary. 0: no log-probabilities. */
  readonly mostTop: number
  /** raw: log-probabilities are those before top_k and temperature. processed: those of the law it samples from. */
  readonly logprobs: 'raw' | 'processed' | undefined
  /**
   * Hardly any two tokens have the same logit. Where logits are bfloat16, more often than not some tie with the last of a top_k, and engines
   * (vLLM even its CPU and its GPU sampler) do not agree on which of these they keep.
   */
  readonly distinctLogits: boolean
  /** Takes token ids as prompt and gives them back. */
  readonly tokenIds: boolean
  /** Tells the log-probabilities of ids of our choosing. */
  readonly chosenLogprobs: boolean
  /** Several continuations in one call. */
  readonly several: boolean
  /** Several prompts in one call. */
  readonly batches: boolean
  /** Names it serves: models and adapters. */
  readonly models: readonly string[]
  readonly contextLength: number | undefined
  /** Names of guides that run inside the engine. */
  readonly guides: readonly string[]
}

/** How many of a guide's most likely tokens are asked for where it cannot be asked for the base's: most of those will be among them. */
export const rankedDepth = (wanted: readonly (readonly number[])[]): number =>
  4 * Math.max(1, ...wanted.map(({ length }) => length))
