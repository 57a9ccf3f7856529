import { fewestTokens } from '../decoding/checkpoint/fewest-tokens.ts'
import { ContextLengthError } from '../decoding/errors.ts'
import type { ServedModel } from '../decoding/served-model.ts'

/**
 * Refuses a text that cannot fit whatever its tokens are, before the tokenizer spends seconds on it in which nobody decodes.
 * @throws ContextLengthError with the least number of tokens it could have
 */
export function refuseHopelessPrompt(text: string, model: ServedModel): void {
  const fewest = fewestTokens(text, model.tokenizer)
  if (fewest > model.contextLength) throw new ContextLengthError(model.contextLength, fewest, 1)
}
