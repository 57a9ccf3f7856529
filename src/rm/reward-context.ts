import { fewestTokens } from '../decoding/checkpoint/fewest-tokens.ts'
import { InvalidRequestError } from '../decoding/errors.ts'

/** A model as far as it bounds what a reward reads. */
interface Reader {
  readonly contextLength: number
  readonly tokenizer: Parameters<typeof fewestTokens>[1]
}

/** What a prompt and an answer are refused with that a reward's model cannot read. */
export const contextExceeded = (reward: string, { contextLength }: Reader, tokens: number | string) =>
  new InvalidRequestError(
    `The reward '${reward}' reads at most ${contextLength} tokens; the prompt and an answer have ${tokens}. ` +
      'Shorten them, or configure a reward that reads more or truncates.',
    'alignment',
  )

/**
 * Refuses a text that cannot fit whatever its tokens are, before the tokenizer spends seconds on it in which nobody decodes.
 * @throws InvalidRequestError
 */
export function refuseHopelessText(reward: string, text: string, reader: Reader): void {
  const fewest = fewestTokens(text, reader.tokenizer)
  if (fewest > reader.contextLength) throw contextExceeded(reward, reader, `at least ${fewest}`)
}
