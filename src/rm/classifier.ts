import { CheckpointError } from '../decoding/errors.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { classifierInput, numbersOf, type TextOptions } from './classifier-text.ts'
import type { Answer, Reward } from './reward.ts'
import { inTimeSlices } from './time-slices.ts'

export interface ClassifierRewardOptions extends TextOptions {
  /** The label whose logit is the score, by name or index; needed where there are several. */
  readonly label?: string | number | undefined
}

/**
 * A Bradley-Terry reward model, or one class of a text classifier: the raw logit is the score. Differences of scores are
 * log-odds of a preference; a shift that is the same for all answers changes nothing.
 * @throws CheckpointError for a classifier of another kind, or a label that it does not have
 */
export function classifierReward(
  name: string,
  classifier: LoadedClassifier,
  options: ClassifierRewardOptions = {},
): Reward {
  if (classifier.kind !== 'pooled')
    throw new CheckpointError(classifier.source, `it has no score of whole texts, which the reward '${name}' reads`)
  const label = labelIndex(classifier, options.label)
  return {
    name,
    traits: { partial: true, range: undefined, relative: false },
    async score(question, answers, signal) {
      const inputOf = ({ text }: Answer) => classifierInput(name, classifier, question, text, options)
      const inputs = await inTimeSlices(answers, signal, inputOf)
      const count = () => classifier.labels.length
      const all = await numbersOf(name, inputs, signal, (input) => classifier.pooled(input), count)
      return all.map((numbers) => ({ score: numbers[label]!, attributes: undefined, steps: undefined }))
    },
  }
}

/** @throws CheckpointError naming the labels there are */
export function labelIndex({ source, labels }: LoadedClassifier, label: string | number | undefined): number {
  const index = label === undefined ? 0 : typeof label === 'number' ? label : labels.indexOf(label)
  if (label === undefined && labels.length > 1)
    throw new CheckpointError(source, `it has ${labels.length} labels, one of them must be named: ${labels.join(', ')}`)
  if (labels[index] === undefined)
    throw new CheckpointError(source, `it has no label '${label}'; there are: ${labels.join(', ')}`)
  return index
}
