import type { AlignmentOptions } from '../guidance/alignment-options.ts'
import type { GuideCatalogue, GuideDefinition } from '../guidance/guide-catalogue.ts'
import { weightedGuides } from '../guidance/weighted-guide.ts'

/**
 * How the tokens of a policy come about over an upstream's model, in words.
 * @param inside names of the models here that run inside the engine as guides
 */
export function policyWay(
  policy: AlignmentOptions,
  base: string,
  catalogue: GuideCatalogue,
  inside: ReadonlySet<string>,
): string {
  const guides = weightedGuides(policy, catalogue).filter(({ weight }) => weight !== 0)
  const readers = guides.flatMap(({ definition }) => readersOf(definition, base, catalogue))
  if (readers.length === 0) return 'the engine draws alone'
  const within = readers.filter((reader) => inside.has(reader))
  if (within.length === 0) return 'guided by blocks'
  if (within.length < readers.length) return 'REFUSED, guides inside the engine do not combine with others'
  if (policy.trace || policy.particles?.target === 'global')
    return 'REFUSED, guides inside the engine do not tell their log-probabilities'
  if (policy.speculation !== undefined) return 'REFUSED, nothing is drafted with guides inside the engine'
  return 'guided inside the engine'
}

/** Models that read the answer. */
function readersOf(definition: GuideDefinition, base: string, catalogue: GuideCatalogue): readonly string[] {
  switch (definition.kind) {
    case 'genarm':
    case 'unir':
      return [definition.model]
    case 'contrast':
      return [definition.tuned, definition.untuned].map((name) => modelOf(name, catalogue))
    case 'principle':
      return [base]
  }
}

/** A contrast names models, or trained guides. */
function modelOf(name: string, { guides }: GuideCatalogue): string {
  const guide = guides.get(name)
  return guide !== undefined && 'model' in guide ? guide.model : name
}
