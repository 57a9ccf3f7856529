import type { UnirGuide } from './guide-catalogue.ts'
import { guideParts } from './guide-parts.ts'
import type { PromptSource } from './prompt-source.ts'
import type { Tilt } from './tilt.ts'
import type { WeightedGuide } from './weighted-guide.ts'

/**
 * UniR (arXiv 2505.19075): logits of the base plus alpha times those of a module that was trained by policy gradient on the sum.
 * `weight` is alpha; 1 is what the module was trained for. Base and module read the same prompt ids, as in training.
 */
export function unir(guide: WeightedGuide, definition: UnirGuide, prompt: PromptSource): Tilt {
  const { model, adapter } = definition
  const context = { model, adapter, promptIds: prompt.base.promptIds }
  return { name: guide.name, weight: guide.weight, parts: guideParts(context, prompt.base, guide.form) }
}
