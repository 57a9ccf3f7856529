import type { TokenizerAdapter } from '../checkpoint/tokenizer.ts'
import type { TokenEngine } from './token-engine.ts'

/** A model that an upstream engine serves, with the tokenizer that makes its ids text. */
export interface UpstreamModel {
  /** The name it has here. */
  readonly name: string
  readonly engine: TokenEngine
  /** The name it has there. */
  readonly model: string
  /** Names there of its LoRA adapters, by the names they have here. */
  readonly adapters: ReadonlyMap<string, string>
  readonly tokenizer: TokenizerAdapter
  readonly eosTokenIds: readonly number[]
  readonly contextLength: number
}

/** The engine's name for the model or one of its adapters; undefined when there is none of that name. */
export function engineName(model: UpstreamModel, adapter: string | undefined): string | undefined {
  return adapter === undefined ? model.model : model.adapters.get(adapter)
}
