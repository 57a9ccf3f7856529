import { InvalidRequestError } from '../decoding/errors.ts'
import type { GenerationRequest } from './engine-messages.ts'
import type { GenerationEngine, PlannedPrompt } from './plan-generation.ts'

/**
 * Refuses what opens more sequences at one time than the engine runs and lets wait: an idle engine would refuse it too, so trying
 * again is no remedy.
 * @throws InvalidRequestError with both numbers
 */
export function refuseManyAtOnce(
  { mostOpened = Number.POSITIVE_INFINITY }: GenerationEngine,
  { n }: GenerationRequest,
  prompts: readonly PlannedPrompt[],
): void {
  const opened = prompts.reduce((sum, { answers }) => sum + answers.opened, 0)
  if (opened <= mostOpened) return
  const param = prompts.length > 1 ? 'prompt' : n > 1 ? 'n' : 'alignment.best_of.n'
  throw new InvalidRequestError(
    `The request starts ${opened} answers, populations or searches side by side; the engine runs and lets wait ${mostOpened} at most. ` +
      'Send fewer prompts at once, or lower n or best_of.n.',
    param,
  )
}
