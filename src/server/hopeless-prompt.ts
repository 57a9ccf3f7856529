import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'
import { ContextLengthError } from '../decoding/errors.ts'
import type { ServedModel } from '../decoding/served-model.ts'

const longestTokens = new WeakMap<TokenizerAdapter, number>()

/**
 * Refuses a text that cannot fit whatever its tokens are, before the tokenizer spends seconds on it in which nobody decodes.
 * @throws ContextLengthError with the least number of tokens it could have
 */
export function refuseHopelessPrompt(text: string, model: ServedModel): void {
  // Normalisers may shorten a text (NFC: up to three times), never more than this.
  const bytesPerToken = 4 * longestToken(model.tokenizer)
  const fewestTokens = Math.floor(Buffer.byteLength(text) / bytesPerToken)
  if (fewestTokens > model.contextLength) throw new ContextLengthError(model.contextLength, fewestTokens, 1)
}

function longestToken(tokenizer: TokenizerAdapter): number {
  const known = longestTokens.get(tokenizer)
  if (known !== undefined) return known
  let longest = 1
  for (let id = 0; id < tokenizer.size; id++) {
    const name = tokenizer.specialIds.has(id) ? Buffer.byteLength(tokenizer.tokenOf(id) ?? '') : 0
    longest = Math.max(longest, tokenizer.bytesOf(id).length, name)
  }
  longestTokens.set(tokenizer, longest)
  return longest
}
