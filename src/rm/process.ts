import type { ClassifierInput } from '../decoding/checkpoint/classifier-tokenizer.ts'
import { CheckpointError } from '../decoding/errors.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { numbersOf } from './classifier-text.ts'
import { readSteps, type StepOptions } from './process-reading.ts'
import { type Aggregate, aggregateSteps, type Shaping, shapeSteps } from './process-steps.ts'
import type { Answer, Reward, RewardTraits, Verdict } from './reward.ts'
import { inTimeSlices } from './time-slices.ts'

export interface ProcessOptions extends StepOptions {
  /** @default 'last' */
  readonly aggregate?: Aggregate | undefined
  /** The score is the sum of the reshaped step rewards, in the place of an aggregate. */
  readonly shaping?: Shaping | undefined
  /** The label whose probability judges a step, by name or index; the second of two where it is not named. */
  readonly positiveLabel?: string | number | undefined
}

/** The score of an unfinished answer that has no step yet: what an aggregate of nothing leaves as it is, or no opinion. */
const neutral: Readonly<Record<Aggregate, number>> = { product: 1, min: 1, last: 0.5, mean: 0.5 }

const hopeless = { score: Number.NEGATIVE_INFINITY, attributes: undefined, steps: [] }

/**
 * A process reward model: every step's probability of being right, softmax over the labels at the step's token, and one
 * number of them. The verdict's steps are the probabilities, never reshaped. An answer without a step scores -Infinity once it is
 * finished, for nothing of it can be right; before, its score is neutral (1 for product and min, 0.5 for last and mean, 0 with shaping).
 * @throws CheckpointError for a classifier of another kind, or without the label or separator
 */
export function processReward(name: string, classifier: LoadedClassifier, options: ProcessOptions = {}): Reward {
  checkOptions(name, classifier, options)
  const positive = positiveIndex(classifier, options.positiveLabel)
  const labelCount = classifier.labels.length
  return {
    name,
    traits: traitsOf(options),
    async score(question, answers, signal) {
      const read = (answer: Answer) => readSteps(name, classifier, question, answer, options)
      const readings = await inTimeSlices(answers, signal, read)
      const inputs = readings.flatMap((reading) => (reading === undefined ? [] : [reading.input]))
      const count = ({ ids }: ClassifierInput) => ids.length * labelCount
      const all = await numbersOf(name, inputs, signal, (input) => classifier.everywhere(input), count)
      let next = 0
      return readings.map((reading, i) => {
        if (reading === undefined && answers[i]!.finished) return hopeless
        if (reading === undefined) return verdict(options, [])
        const numbers = all[next++]!
        const row = (at: number) => numbers.subarray(at * labelCount, (at + 1) * labelCount)
        return verdict(
          options,
          reading.positions.map((at) => logProbability(row(at), positive)),
        )
      })
    },
  }
}

function checkOptions(name: string, { source, kind, tokenizer }: LoadedClassifier, options: ProcessOptions): void {
  if (kind !== 'everywhere')
    throw new CheckpointError(source, `it has no scores at every token, which the reward '${name}' reads`)
  if (options.aggregate !== undefined && options.shaping !== undefined)
    throw new TypeError(`The reward '${name}': shaping sums the steps, there is no aggregate beside it.`)
  if (options.delimiter === '') throw new TypeError(`The reward '${name}': an empty delimiter ends no step.`)
  const { separator } = options
  if (separator !== undefined && tokenizer.encode(separator, false).ids.length !== 1)
    throw new CheckpointError(source, `'${separator}', the separator of the reward '${name}', is not one of its tokens`)
}

function positiveIndex({ source, labels }: LoadedClassifier, label: string | number | undefined): number {
  const index = typeof label === 'string' ? labels.indexOf(label) : (label ?? (labels.length === 2 ? 1 : -1))
  if (labels.length >= 2 && labels[index] !== undefined) return index
  const which = label === undefined ? 'which of its labels is the good one must be said' : `it has no label '${label}'`
  throw new CheckpointError(source, `${which}; there are: ${labels.join(', ')}`)
}

function traitsOf({ shaping }: ProcessOptions): RewardTraits {
  const range = shaping?.kind === 'clip' ? undefined : ([0, 1] as const)
  return { partial: true, range, relative: false }
}

/** log softmax(logits)[index] */
function logProbability(logits: Float32Array, index: number): number {
  const top = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0)
  return logits[index]! - top - Math.log(sum)
}

function verdict({ aggregate = 'last', shaping }: ProcessOptions, logs: readonly number[]): Verdict {
  const steps = logs.map(Math.exp)
  if (shaping !== undefined) {
    const score = shapeSteps(shaping, steps).reduce((sum, reward) => sum + reward, 0)
    return { score, attributes: undefined, steps }
  }
  const score = logs.length === 0 ? neutral[aggregate] : aggregateSteps(aggregate, logs)
  return { score, attributes: undefined, steps }
}
