import type { ChatTemplate } from './checkpoint/chat-template.ts'
import type { TokenizerAdapter } from './checkpoint/tokenizer.ts'
import type { Grammars } from './grammar/grammars.ts'

/** A model as the rooms above see it, wherever its tokens come from. */
export interface ServedModel {
  readonly name: string
  /** Where its files are, for messages. */
  readonly source: string
  /** Most tokens of prompt and answer; Infinity as long as an upstream has not told. */
  readonly contextLength: number
  readonly tokenizer: TokenizerAdapter
  readonly chatTemplate: ChatTemplate | undefined
  readonly eosTokenIds: readonly number[]
  readonly adapterNames: readonly string[]
  /** Absent where the model is decoded elsewhere. */
  readonly grammars?: Grammars
}
