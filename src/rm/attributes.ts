import { CheckpointError } from '../decoding/errors.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { classifierInput, numbersOf, type TextOptions } from './classifier-text.ts'
import type { Answer, Reward } from './reward.ts'
import { inTimeSlices } from './time-slices.ts'

export interface AttributeOptions extends TextOptions {
  /** Names of the head's rows, in order, for a checkpoint that does not name them. */
  readonly names?: readonly string[] | undefined
}

/**
 * A regression head of named attributes (HelpSteer2, arXiv 2406.08673; ArmoRM's linear heads, whose gating is not computed):
 * the score is the sum of weight times attribute, linear and never clamped.
 *
 * @param weights by attribute; those left out weigh nothing
 * @throws CheckpointError for a classifier of another kind, names of another number, or a weight of an attribute that it lacks
 */
export function attributeReward(
  name: string,
  classifier: LoadedClassifier,
  weights: Readonly<Record<string, number>>,
  options: AttributeOptions = {},
): Reward {
  const names = attributeNames(name, classifier, options.names)
  refuseUnknown(name, classifier.source, names, weights)
  return {
    name,
    traits: { partial: true, range: undefined, relative: false },
    async score(question, answers, signal) {
      const inputOf = ({ text }: Answer) => classifierInput(name, classifier, question, text, options)
      const inputs = await inTimeSlices(answers, signal, inputOf)
      const all = await numbersOf(
        name,
        inputs,
        signal,
        (input) => classifier.pooled(input),
        () => names.length,
      )
      return all.map((numbers) => {
        const score = names.reduce((sum, attribute, i) => sum + (weights[attribute] ?? 0) * numbers[i]!, 0)
        const attributes = Object.fromEntries(names.map((attribute, i) => [attribute, numbers[i]!]))
        return { score, attributes, steps: undefined }
      })
    },
  }
}

function attributeNames(
  name: string,
  { source, kind, labels }: LoadedClassifier,
  given: readonly string[] | undefined,
): readonly string[] {
  if (kind !== 'pooled')
    throw new CheckpointError(source, `it has no attributes of whole texts for the reward '${name}'`)
  if (given !== undefined && given.length !== labels.length) {
    throw new CheckpointError(source, `the reward '${name}' names ${given.length} attributes, it has ${labels.length}`)
  }
  return given ?? labels
}

function refuseUnknown(
  name: string,
  source: string,
  names: readonly string[],
  weights: Readonly<Record<string, number>>,
): void {
  const known = names.join(', ')
  if (Object.keys(weights).length === 0)
    throw new CheckpointError(source, `the reward '${name}' needs a weight for at least one of: ${known}`)
  for (const [attribute, weight] of Object.entries(weights)) {
    if (!names.includes(attribute))
      throw new CheckpointError(
        source,
        `it has no attribute '${attribute}' for the reward '${name}'; there are: ${known}`,
      )
    if (!Number.isFinite(weight))
      throw new CheckpointError(source, `the reward '${name}': the weight of '${attribute}' is ${weight}`)
  }
}
