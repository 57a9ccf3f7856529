import type { Distribution } from '../bucket-counts.ts'
import type { HubOptions } from '../checkpoint/hub.ts'
import type { ModelConfig } from '../checkpoint/model-config.ts'
import type { ServedModel } from '../served-model.ts'

/** int8: weights in blocks of 64 (small matrices: 32), near-lossless. w8a8: row-wise 8-bit weights and activations. int4: block-32. fp32: the reference. */
export type WeightFormat = 'int8' | 'fp32' | 'w8a8' | 'int4'

/** One model to load. */
export interface ModelSpec {
  readonly name: string
  /** A folder in Hugging Face layout, or a hub id. */
  readonly source: string
  readonly weights: WeightFormat
  /** LoRA adapters of this model, by name. */
  readonly adapters: readonly { readonly name: string; readonly source: string }[]
  /** Most tokens of a sequence (prompt and answer); undefined takes the checkpoint's own limit. */
  readonly contextLength: number | undefined
}

export interface EngineOptions {
  /** Bound on K/V memory over all models, in bytes. */
  readonly memoryBytes: number
  /** Threads of ONNX Runtime's pool. */
  readonly threads: number
  /** Most requests decoded together, and most rows of one decoding step (a request's own rows are never split). */
  readonly maxRunning: number
  /** Most sequences waiting for room; one more is an OverloadedError. */
  readonly maxWaiting: number
  /** Prompt tokens prefilled per step beside the decoding rows. */
  readonly prefillBudget: number
  /** Where prepared graphs are kept. */
  readonly cacheFolder: string
  /** How sources that are hub ids are found. */
  readonly hub: HubOptions
}

/** A model that the local engine has loaded. */
export interface LoadedModel extends ServedModel {
  readonly weights: WeightFormat
  readonly config: ModelConfig
}

/** Counters for tests, metrics and load runs. */
export interface EngineStats {
  readonly running: number
  readonly waiting: number
  readonly steps: number
  readonly prefilledTokens: number
  /** Tokens of the base's prompts when they were admitted, and of these the ones the prefix cache knew. */
  readonly promptTokens: number
  readonly cachedTokens: number
  readonly decodedRows: number
  /** Rows of the steps that drew tokens. */
  readonly rowsPerStep: Distribution
  readonly stepSeconds: Distribution
  /** Time that opened sequences waited for room. */
  readonly queueSeconds: Distribution
  /** K/V blocks by state, summed over models. */
  readonly blocks: { readonly total: number; readonly live: number; readonly cached: number; readonly reserved: number }
}
