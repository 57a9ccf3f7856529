import { InvalidRequestError } from '../decoding/errors.ts'
import type { GenerationRequest } from './engine-messages.ts'
import type { PlannedPrompt } from './plan-generation.ts'

/**
 * Refuses a reply whose log-probabilities would fill the memory before any of them can be sent.
 * @throws InvalidRequestError with the numbers
 */
export function refuseHugeReply(request: GenerationRequest, prompts: readonly PlannedPrompt[]): void {
  if (request.replyLimit === undefined) return
  const { streamed, heldLogprobs: most } = request.replyLimit
  const { topLogprobs, trace } = request.sampling
  const reported = streamed || topLogprobs === undefined ? 0 : 1 + topLogprobs
  // Of the drawn token and of each alternative: under the law, under the base, and what each guide said.
  const traced = trace ? (2 + (prompts[0]?.alignment.readings.length ?? 0)) * (1 + (topLogprobs ?? 0)) : 0
  const tokens = request.n * prompts.reduce((sum, prompt) => sum + prompt.request.sampling.maxTokens, 0)
  const held = tokens * (reported + traced)
  if (held <= most) return
  const remedy = reported > 0 ? 'Stream the answer, or lower' : 'Leave out the trace, or lower'
  throw new InvalidRequestError(
    `'${reported > 0 ? 'logprobs' : 'alignment.trace'}': ${tokens} tokens (over all choices) of ${reported + traced} log-probabilities each are ` +
      `${held}; a reply holds at most ${most}. ${remedy} n, max_tokens or top_logprobs.`,
    reported > 0 ? 'logprobs' : 'alignment.trace',
  )
}
