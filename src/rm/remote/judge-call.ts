import { z } from 'zod'
import type { Question } from '../reward.ts'
import { read } from './read-reply.ts'
import { modelField, remoteFields } from './remote-options.ts'
import { type Ask, MalformedReply } from './wire-format.ts'

/** Options that both generative judges have. */
export const judgeFields = <Format extends string>(format: Format, about: string) => ({
  ...remoteFields(format, about, 1),
  model: modelField,
  rubric: z.string().min(1).max(20_000).describe('What a good answer is, in words.'),
  temperature: z.number().min(0).max(2).default(0).describe('Of the judge.'),
  max_tokens: z.int().min(1).max(100_000).default(1024).describe('Most tokens of its reply, reasons included.'),
})

export interface JudgeOptions {
  readonly model: string
  readonly rubric: string
  readonly temperature: number
  readonly max_tokens: number
}

const reply = z.looseObject({
  choices: z
    .array(z.looseObject({ message: z.looseObject({ content: z.string() }), finish_reason: z.string().nullish() }))
    .length(1),
})

/**
 * What a judge says in its last line.
 * @throws MalformedReply for a reply that was cut off or says nothing
 */
export async function lastLine(
  { model, temperature, max_tokens }: JudgeOptions,
  system: string,
  { text, media = [] }: { readonly text: string; readonly media: Question['media'] },
  ask: Ask,
  signal: AbortSignal,
): Promise<string> {
  const messages = [
    { role: 'system', content: system },
    { role: 'user', content: media.length === 0 ? text : [{ type: 'text', text }, ...media] },
  ]
  const body = { model, messages, temperature, max_tokens, n: 1, stream: false }
  const [choice] = read(reply, await ask('/v1/chat/completions', body, signal)).choices
  if (choice!.finish_reason !== 'stop')
    throw new MalformedReply(`a judgement that is not complete (finish_reason '${choice!.finish_reason ?? 'null'}')`)
  const line = choice!.message.content.trimEnd().split('\n').at(-1)!.trim()
  if (line === '') throw new MalformedReply('no judgement')
  return line
}

/** The conversation as a judge reads it. Answers could try to speak to the judge: they stand between tags, and the prompt says what they are. */
export function conversationOf({ messages, text, references }: Question): string {
  const said = messages === undefined ? text : messages.map(({ role, content }) => `${role}: ${content}`).join('\n')
  const reference = references === undefined ? '' : `\n<reference>\n${references.join('\n---\n')}\n</reference>`
  return `<conversation>\n${said}\n</conversation>${reference}`
}

/** Tags in an answer are taken apart, so that it cannot end its own place. */
export const quoted = (tag: string, text: string): string =>
  `<${tag}>\n${text.replaceAll(/<(?=\/?(answer|answer_a|answer_b|conversation|reference)>)/gi, '< ')}\n</${tag}>`
