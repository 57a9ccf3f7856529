import { z } from 'zod'
import { InvalidRequestError } from '../../decoding/errors.ts'
import { type JudgedText, judgedText } from './judged-text.ts'
import { indexed, inOrder, labelled, number, plainVerdicts, read } from './read-reply.ts'
import { labelFields, modelField, readingFields, remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const row = z.array(number).min(1)
const reply = z.looseObject({ choices: indexed({ context_logits: z.union([row, z.array(row).min(1)]) }) })

/** `trtllm-serve`: `POST /v1/completions` of a reward model, whose context logits are its scores. Fields it does not know are refused by it. */
export const trtllmLogits = wireFormat({
  options: z.strictObject({
    ...remoteFields('trtllm-logits', 'TensorRT-LLM `POST /v1/completions` with return_context_logits.', 16),
    model: modelField,
    ...labelFields,
    ...readingFields,
  }),
  open(name, { model, label, labels, ...reading }) {
    const textOf = judgedText(reading)
    return {
      traits: { partial: true, range: undefined, relative: false },
      async judge(question, answers, ask, signal) {
        const prompt = answers.map((answer) => promptOf(name, textOf(question, answer)))
        const body = { model, prompt, max_tokens: 1, return_context_logits: true }
        const { choices } = read(reply, await ask('/v1/completions', body, signal))
        const rows = inOrder(choices, answers.length).map(({ context_logits: logits }) => lastRow(logits))
        return plainVerdicts(rows.map((numbers) => labelled(numbers, label, labels)))
      },
    }
  },
})

/** A reward model has one row for the whole, or one for each token. */
function lastRow(logits: readonly number[] | readonly (readonly number[])[]): readonly number[] {
  const last = logits.at(-1)
  return typeof last === 'object' ? last : (logits as readonly number[])
}

function promptOf(name: string, text: JudgedText): readonly number[] | string {
  if ('ids' in text) return text.ids
  if ('text' in text) return text.text
  throw new InvalidRequestError(
    `The reward '${name}' cannot read a conversation, for this route applies no chat template: configure its tokenizer, or what it reads.`,
    'alignment',
  )
}
