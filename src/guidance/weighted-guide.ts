import { InvalidRequestError } from '../decoding/errors.ts'
import type { AlignmentOptions, GuideEntry, GuideForm } from './alignment-options.ts'
import type { GuideCatalogue, GuideDefinition } from './guide-catalogue.ts'

/** A guide as one request uses it. */
export interface WeightedGuide {
  /** How the trace calls it. */
  readonly name: string
  readonly definition: GuideDefinition
  readonly weight: number
  readonly form: GuideForm
  /** Path of the request's field that names it, for errors. */
  readonly param: string
}

/**
 * The guides that a request asks for, by `guides` and by `preferences`, in this order. Those of weight 0 are included: a
 * wrong name is an error at any weight.
 * @throws InvalidRequestError for an unknown guide or objective
 */
export function weightedGuides(options: AlignmentOptions, catalogue: GuideCatalogue): WeightedGuide[] {
  const entries = (options.guides ?? []).map((entry, index) =>
    fromEntry(entry, `alignment.guides[${index}]`, catalogue),
  )
  const preferences = Object.entries(options.preferences ?? {}).flatMap(([objective, preference]) =>
    fromPreference(objective, preference, catalogue),
  )
  return [...entries, ...preferences]
}

function fromEntry(entry: GuideEntry, path: string, catalogue: GuideCatalogue): WeightedGuide {
  const { guide, principle, contrast, weight } = entry
  // Subtracting a whole language model destroys the text, so steering away means away from how the guide differs.
  const form = entry.form ?? defaultForm(weight)
  if (guide !== undefined) {
    const param = `${path}.guide`
    return { name: guide, definition: findGuide(guide, param, catalogue), weight, form, param }
  }
  if (principle !== undefined) {
    return {
      name: principle,
      definition: { kind: 'principle', text: principle },
      weight,
      form,
      param: `${path}.principle`,
    }
  }
  const [tuned, untuned] = contrast!
  const name = `${tuned} - ${untuned}`
  return { name, definition: { kind: 'contrast', tuned, untuned }, weight, form, param: `${path}.contrast` }
}

function fromPreference(objective: string, preference: number, catalogue: GuideCatalogue): WeightedGuide[] {
  const param = `alignment.preferences.${objective}`
  const found = catalogue.objectives.get(objective)
  if (found === undefined) throw unknownName('objective', objective, [...catalogue.objectives.keys()], param)
  if (found.guide === undefined) return []
  const weight = preference * found.scale
  const definition = findGuide(found.guide, param, catalogue)
  return [{ name: found.guide, definition, weight, form: defaultForm(weight), param }]
}

function defaultForm(weight: number): GuideForm {
  return weight < 0 ? 'relative' : 'plain'
}

function findGuide(name: string, param: string, catalogue: GuideCatalogue): GuideDefinition {
  const found = catalogue.guides.get(name)
  if (found === undefined) throw unknownName('guide', name, [...catalogue.guides.keys()], param)
  return found
}

/** The error for a name that leads nowhere: it lists those that do. */
export function unknownName(kind: string, name: string, known: readonly string[], param: string): InvalidRequestError {
  const list = known.length === 0 ? `No ${kind} is configured.` : `Known ${kind}s: ${known.join(', ')}.`
  return new InvalidRequestError(`The ${kind} '${name}' does not exist. ${list}`, param)
}
