import { openConversationTemplate } from '../../decoding/checkpoint/classifier-template.ts'
import { openTokenizer } from '../../decoding/checkpoint/tokenizer.ts'
import { readTokenizerConfig } from '../../decoding/checkpoint/tokenizer-json.ts'
import type { Answer, Question } from '../reward.ts'

export interface ReadingOptions {
  readonly tokenizer?: string | undefined
  readonly reads?: 'answer' | 'joined' | undefined
}

/** An answer as a remote model is given it. */
export type JudgedText =
  | { readonly ids: readonly number[] }
  | { readonly text: string }
  /** The upstream is to render it, one conversation a call. */
  | { readonly messages: readonly object[]; readonly finished: boolean }

/**
 * How a prompt and an answer become what a remote model reads: ids where its tokenizer is at hand, else text; a conversation goes
 * through the model's chat template, here or there.
 * @throws CheckpointError for a tokenizer that cannot be read
 */
export function judgedText({
  tokenizer: folder,
  reads,
}: ReadingOptions): (question: Question, answer: Answer) => JudgedText {
  if (folder === undefined) return (question, answer) => asText(question, answer, reads)
  const config = readTokenizerConfig(folder, folder)
  const tokenizer = openTokenizer(folder, folder, config)
  const template = openConversationTemplate(folder, folder, config)
  return (question, answer) => {
    if (reads === undefined && template !== undefined && question.messages !== undefined) {
      const said = { role: 'assistant', content: answer.text }
      return { ids: tokenizer.encode(template.render([...question.messages, said]), false) }
    }
    return { ids: tokenizer.encode(joined(question, answer, reads), true) }
  }
}

function asText(question: Question, answer: Answer, reads: ReadingOptions['reads']): JudgedText {
  if (reads !== undefined || question.messages === undefined) return { text: joined(question, answer, reads) }
  return {
    messages: [...question.messages, { role: 'assistant', content: answer.text }],
    finished: answer.finished,
  }
}

export const joined = (question: Question, { text }: Answer, reads: ReadingOptions['reads']): string =>
  reads === 'answer' ? text : question.text + text
