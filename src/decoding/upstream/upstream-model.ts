import type { TokenizerAdapter } from '../checkpoint/tokenizer.ts'
import type { TokenEngine } from './token-engine.ts'

/** A model that an upstream engine serves (one of its LoRA adapters is a model like any other), with the tokenizer that makes its ids text. */
export interface UpstreamModel {
  /** The name it has here. */
  readonly name: string
  readonly engine: TokenEngine
  /** The name it has there. */
  readonly model: string
  readonly tokenizer: TokenizerAdapter
  readonly eosTokenIds: readonly number[]
  readonly contextLength: number
  /** It is a guide inside the engine: nothing can be drawn from it alone, and it reads no blocks. */
  readonly inside?: boolean
}
