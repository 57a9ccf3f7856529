import type { ClassifierInput } from '../decoding/checkpoint/classifier-tokenizer.ts'
import type { LoadedClassifier } from '../decoding/local/classifier.ts'
import { oneByOne } from '../decoding/local/classifier-batch.ts'
import type { Question } from './reward.ts'
import { contextExceeded, refuseHopelessText } from './reward-context.ts'
import { RewardError } from './reward-error.ts'

/** How a classifier is given a prompt and an answer. */
export interface TextOptions {
  /**
   * The answer alone, or behind the prompt (in an encoder as its second text). A chat is read through the model's own chat
   * template unless this is set, or it has none.
   *
   * @default 'pair'
   */
  readonly reads?: 'answer' | 'pair' | undefined
  /** Leave out the beginning of what does not fit the model's context; without it such a text is refused. */
  readonly truncate?: 'left' | undefined
}

/** Everything a classifier reads of one answer, as text. */
export interface ConversationText {
  readonly text: string
  /** Whether the tokenizer puts its own special tokens around it: a chat template has written them. */
  readonly addSpecialTokens: boolean
}

/** The same with the places where the answer begins and ends. */
export interface FramedText extends ConversationText {
  readonly before: string
  readonly answer: string
}

/** The prompt with an answer as the model's chat template writes them, or one after the other without one. */
export function conversationText(classifier: LoadedClassifier, question: Question, answer: string): ConversationText {
  const text = render(classifier, question, answer)
  return text === undefined
    ? { text: question.text + answer, addSpecialTokens: true }
    : { text, addSpecialTokens: false }
}

// a private-use character that no template treats in its own way
const marker = '\uE0A7'

/** @throws RewardError when the template does not write every answer at the same place */
export function framedText(name: string, classifier: LoadedClassifier, question: Question, answer: string): FramedText {
  const { text, addSpecialTokens } = conversationText(classifier, question, answer)
  const frame = conversationText(classifier, question, marker).text
  const at = frame.lastIndexOf(marker)
  const [before, after] = [frame.slice(0, at), frame.slice(at + marker.length)]
  const length = text.length - before.length - after.length
  if (at < 0 || length < 0 || !text.startsWith(before) || !text.endsWith(after)) throw new RewardError(name, rewritten)
  return { text, addSpecialTokens, before, answer: text.slice(before.length, before.length + length) }
}

/** What is wrong where a step's place in the text cannot be known. */
export const rewritten = "the model's chat template does not write the answer as it stands"

function render({ chatTemplate }: LoadedClassifier, question: Question, answer: string): string | undefined {
  if (chatTemplate === undefined || question.messages === undefined) return undefined
  return chatTemplate.render([...question.messages, { role: 'assistant', content: answer }])
}

/**
 * What the classifier is fed for one answer.
 * @throws InvalidRequestError when it is longer than the context, unless truncation was declared
 */
export function classifierInput(
  name: string,
  classifier: LoadedClassifier,
  question: Question,
  answer: string,
  { reads, truncate }: TextOptions,
): ClassifierInput {
  const { tokenizer, chatTemplate } = classifier
  if (reads === undefined && chatTemplate !== undefined && question.messages !== undefined) {
    const { text, addSpecialTokens } = conversationText(classifier, question, answer)
    return fitted(name, classifier, text, () => tokenizer.encode(text, addSpecialTokens), truncate)
  }
  if (reads === 'answer') return fitted(name, classifier, answer, () => tokenizer.encode(answer, true), truncate)
  const pair = () => tokenizer.encodePair(question.text, answer)
  return fitted(name, classifier, question.text + answer, pair, truncate)
}

/**
 * A text's tokens, if they fit.
 * @throws InvalidRequestError, before anything is encoded where that is enough
 */
export function fitted(
  name: string,
  classifier: LoadedClassifier,
  text: string,
  encode: () => ClassifierInput,
  truncate?: TextOptions['truncate'],
): ClassifierInput {
  const { contextLength, tokenizer } = classifier
  if (truncate === undefined) refuseHopelessText(name, text, classifier)
  const input = encode()
  const { ids, segments } = input
  const excess = ids.length - contextLength
  if (ids.length === 0) throw new RewardError(name, 'there is no token to read')
  if (excess <= 0) return input
  if (truncate === undefined) throw contextExceeded(name, classifier, ids.length)
  // a decoder keeps its tail; an encoder's special tokens say where its texts begin and end
  let left = excess
  const droppable = (id: number) => segments === undefined || !tokenizer.specialIds.has(id)
  const kept = ids.map((id) => !(left > 0 && droppable(id) && left-- > 0))
  const pick = (values: readonly number[]) => values.filter((_, i) => kept[i])
  return { ids: pick(ids), segments: segments === undefined ? undefined : pick(segments) }
}

/**
 * A classifier's numbers of each text in turn.
 * @throws RewardError when a run fails, or gives NaN, infinity or another count than it should
 */
export function numbersOf(
  name: string,
  inputs: readonly ClassifierInput[],
  signal: AbortSignal,
  read: (input: ClassifierInput) => Promise<Float32Array>,
  countOf: (input: ClassifierInput) => number,
): Promise<Float32Array[]> {
  return oneByOne(inputs, signal, async (input) => {
    const numbers = await read(input).catch((error: unknown) => {
      throw new RewardError(name, error instanceof Error ? error.message : String(error))
    })
    if (numbers.length !== countOf(input))
      throw new RewardError(name, `it gave ${numbers.length} numbers where ${countOf(input)} were due`)
    const broken = numbers.find((value) => !Number.isFinite(value))
    if (broken !== undefined) throw new RewardError(name, `it gave ${broken}`)
    return numbers
  })
}
