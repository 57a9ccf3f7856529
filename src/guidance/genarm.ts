import { InvalidRequestError } from '../decoding/errors.ts'
import type { GenarmGuide } from './guide-catalogue.ts'
import { guideParts } from './guide-parts.ts'
import type { ModelDirectory, PromptSource } from './prompt-source.ts'
import type { Tilt } from './tilt.ts'
import type { WeightedGuide } from './weighted-guide.ts'

/**
 * GenARM (arXiv 2410.08193): log pi(v) = log pi_base(v) + sum over arms of (1/beta) log pi_r(v) - log Z, per token. `weight` is
 * 1/beta; an arm is a language model trained so that the sum of its log-probabilities is a reward.
 * @throws InvalidRequestError when the arm has its own template but the request no messages
 */
export function genarm(
  guide: WeightedGuide,
  definition: GenarmGuide,
  prompt: PromptSource,
  models: ModelDirectory,
): Tilt {
  const { model, adapter } = definition
  const context = { model, adapter, promptIds: armPrompt(guide, definition, prompt, models) }
  return { name: guide.name, weight: guide.weight, parts: guideParts(context, prompt.base, guide.form) }
}

function armPrompt(guide: WeightedGuide, definition: GenarmGuide, prompt: PromptSource, models: ModelDirectory) {
  if (definition.template === 'base' || !models.hasChatTemplate(definition.model)) return prompt.base.promptIds
  if (prompt.messages !== undefined) return models.renderAndEncode(definition.model, prompt.messages)
  throw new InvalidRequestError(
    `The guide '${guide.name}' reads messages through its own chat template: use /v1/chat/completions.`,
    guide.param,
  )
}
