import { openTokenizer, type TokenizerAdapter } from '../src/decoding/checkpoint/tokenizer.ts'
import { readTokenizerConfig } from '../src/decoding/checkpoint/tokenizer-json.ts'

/** The tokenizer of a folder, for prompts of an exact length. */
export const tokenizerOf = (folder: string): TokenizerAdapter =>
  openTokenizer(folder, folder, readTokenizerConfig(folder, folder))
