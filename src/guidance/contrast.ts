import { InvalidRequestError } from '../decoding/errors.ts'
import type { ContrastGuide, GuideCatalogue } from './guide-catalogue.ts'
import type { ModelDirectory, PromptSource } from './prompt-source.ts'
import type { TermContext, Tilt } from './tilt.ts'
import type { WeightedGuide } from './weighted-guide.ts'

/**
 * The difference of two models that read the base's prompt: weight * (log pi_tuned - log pi_untuned). With a tuned and an
 * untuned small model this is proxy tuning (arXiv 2401.08565); with a DPO policy and its reference, the policy's implicit reward.
 * @throws InvalidRequestError when a name is neither a model nor a trained guide
 */
export function contrast(
  guide: WeightedGuide,
  definition: ContrastGuide,
  prompt: PromptSource,
  models: ModelDirectory,
  catalogue: GuideCatalogue,
): Tilt {
  const read = (name: string): TermContext => ({
    ...findOperand(name, guide.param, models, catalogue),
    promptIds: prompt.base.promptIds,
  })
  return {
    name: guide.name,
    weight: guide.weight,
    parts: [
      { context: read(definition.tuned), sign: 1 },
      { context: read(definition.untuned), sign: -1 },
    ],
  }
}

function findOperand(
  name: string,
  param: string,
  models: ModelDirectory,
  catalogue: GuideCatalogue,
): Omit<TermContext, 'promptIds'> {
  if (models.names.includes(name)) return { model: name, adapter: undefined }
  const guide = catalogue.guides.get(name)
  if (guide?.kind === 'genarm' || guide?.kind === 'unir') return { model: guide.model, adapter: guide.adapter }
  const trained = [...catalogue.guides].filter(([, { kind }]) => kind === 'genarm' || kind === 'unir')
  const names = trained.map(([guide]) => guide).join(', ')
  const known = `Known models: ${models.names.join(', ')}${names === '' ? '' : `; trained guides: ${names}`}.`
  throw new InvalidRequestError(`No model or trained guide is named '${name}'. ${known}`, param)
}
