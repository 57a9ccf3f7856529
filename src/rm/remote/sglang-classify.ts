import { z } from 'zod'
import { InvalidRequestError } from '../../decoding/errors.ts'
import { type JudgedText, judgedText } from './judged-text.ts'
import { counted, labelled, number, plainVerdicts, read } from './read-reply.ts'
import { labelFields, readingFields, remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const reply = z.array(z.looseObject({ embedding: z.array(number).min(1) }))

/** SGLang's native `POST /classify` (started with --is-embedding): a bare list in order, the reward is `embedding[0]`. */
export const sglangClassify = wireFormat({
  options: z.strictObject({
    ...remoteFields('sglang-classify', 'SGLang `POST /classify` (started with --is-embedding).', 64),
    ...labelFields,
    ...readingFields,
  }),
  open(name, { label, labels, ...reading }) {
    const textOf = judgedText(reading)
    return {
      traits: { partial: true, range: undefined, relative: false },
      async judge(question, answers, ask, signal) {
        const body = bodyOf(
          name,
          answers.map((answer) => textOf(question, answer)),
        )
        const entries = counted(read(reply, await ask('/classify', body, signal)), answers.length)
        return plainVerdicts(entries.map(({ embedding }) => labelled(embedding, label, labels)))
      },
    }
  },
})

/** The caller applies the chat template. */
function bodyOf(name: string, texts: readonly JudgedText[]): object {
  if (texts.every((text) => 'ids' in text)) return { input_ids: texts.map(({ ids }) => ids) }
  if (texts.every((text) => 'text' in text)) return { text: texts.map(({ text }) => text) }
  throw new InvalidRequestError(
    `The reward '${name}' cannot read a conversation, for its upstream applies no chat template: configure its tokenizer, or what it reads.`,
    'alignment',
  )
}
