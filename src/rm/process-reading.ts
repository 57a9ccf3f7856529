import type { ClassifierInput } from '../decoding/checkpoint/classifier-tokenizer.ts'
import { InvalidRequestError } from '../decoding/errors.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { conversationText, fitted, framedText, rewritten } from './classifier-text.ts'
import { type Step, splitSteps } from './process-steps.ts'
import type { Answer, Question } from './reward.ts'
import { RewardError } from './reward-error.ts'
import { tokenAtEnd, tokenEnds } from './token-ends.ts'

/** What a step is, and where it is judged. */
export interface StepOptions {
  /**
   * What ends a step.
   *
   * @default '\n\n'
   */
  readonly delimiter?: string | RegExp | undefined
  /**
   * The token put behind each step instead of its delimiter, at which the step is judged, such as `<extra_0>`. Without one a
   * step is judged at its own last token, that of its last visible character.
   */
  readonly separator?: string | undefined
  /**
   * Whether an unfinished answer's last step, which no delimiter has ended yet, is judged.
   *
   * @default 'skip'
   */
  readonly unfinished?: 'skip' | 'score' | undefined
}

export interface StepReading {
  readonly input: ClassifierInput
  /** The token at which each step is judged. */
  readonly positions: readonly number[]
}

/**
 * Where the steps of one answer are judged; undefined for an answer without a step.
 * @throws RewardError when a step has no token of its own
 * @throws InvalidRequestError when the text does not fit, or the prompt holds the separator
 */
export function readSteps(
  name: string,
  classifier: LoadedClassifier,
  question: Question,
  answer: Answer,
  options: StepOptions,
): StepReading | undefined {
  const withLast = answer.finished || options.unfinished === 'score'
  const steps = splitSteps(answer.text, options.delimiter ?? '\n\n', withLast)
  if (steps.length === 0) return undefined
  const { separator } = options
  const reading =
    separator === undefined
      ? atStepEnds(name, classifier, question, answer.text, steps)
      : atSeparators(name, classifier, question, steps, separator)
  if (reading.positions.length !== steps.length || reading.positions.some((at, k, all) => k > 0 && at <= all[k - 1]!))
    throw new RewardError(
      name,
      `the answer's ${steps.length} steps have ${reading.positions.length} tokens of their own`,
    )
  return reading
}

function atSeparators(
  name: string,
  classifier: LoadedClassifier,
  question: Question,
  steps: readonly Step[],
  separator: string,
): StepReading {
  if (question.text.includes(separator) || question.messages?.some(({ content }) => content.includes(separator)))
    throw new InvalidRequestError(`The prompt contains '${separator}', which the reward '${name}' reads.`, 'messages')
  // an answer cannot be refused for what was drawn: its own separators are taken apart
  const apart = `${separator.slice(0, 1)} ${separator.slice(1)}`
  const content = steps.map(({ text }) => text.replaceAll(separator, apart) + separator).join('')
  const { text, addSpecialTokens } = conversationText(classifier, question, content)
  const input = fitted(name, classifier, text, () => classifier.tokenizer.encode(text, addSpecialTokens))
  const id = classifier.tokenizer.encode(separator, false).ids[0]
  return { input, positions: input.ids.flatMap((other, i) => (other === id ? [i] : [])) }
}

function atStepEnds(
  name: string,
  classifier: LoadedClassifier,
  question: Question,
  text: string,
  steps: readonly Step[],
): StepReading {
  const framed = framedText(name, classifier, question, text)
  const { before, answer } = framed
  // templates may strip what is around an answer
  const stripped = text.indexOf(answer)
  if (stripped < 0 || answer.trim() !== text.trim()) throw new RewardError(name, rewritten)
  const encode = () => classifier.tokenizer.encode(framed.text, framed.addSpecialTokens)
  const input = fitted(name, classifier, framed.text, encode)
  const { bytesOf, specialIds } = classifier.tokenizer
  const ends = bytesOf === undefined ? undefined : tokenEnds(framed.text, input.ids, bytesOf, specialIds)
  if (ends === undefined)
    throw new RewardError(name, "its tokens do not spell the text, so that a step's last is unknown")
  const positions = steps.map(({ end }) => tokenAtEnd(ends, before + answer.slice(0, end - stripped)))
  return { input, positions }
}
