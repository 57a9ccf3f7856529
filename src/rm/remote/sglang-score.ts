import { z } from 'zod'
import { plainVerdict } from '../reward-verdicts.ts'
import { filled } from './fill-template.ts'
import { counted, number, read } from './read-reply.ts'
import { modelField, remoteFields } from './remote-options.ts'
import { MalformedReply, wireFormat } from './wire-format.ts'

const reply = z.looseObject({ scores: z.array(z.array(number)) })

/**
 * SGLang's `POST /v1/score`: a generative model as a judge that never generates. The score is the probability of the first of the label tokens
 * among them, right behind the query and the answer.
 */
export const sglangScore = wireFormat({
  options: z.strictObject({
    ...remoteFields('sglang-score', 'SGLang `POST /v1/score`: the probability of a label token.', 32),
    model: modelField,
    label_token_ids: z
      .array(z.int().min(0))
      .min(2)
      .max(64)
      .describe('Tokens that it may say; the first is the good one.'),
    query: z.string().min(1).default('{prompt}').describe('What comes before the answer; {prompt} is the prompt.'),
    item: z
      .string()
      .regex(/\{answer\}/, 'an item has {answer} in it')
      .default('{answer}')
      .describe('The answer with what comes behind it, such as "{answer}\\nIs this correct? Answer:".'),
  }),
  open: (_name, options) => ({
    traits: { partial: true, range: [0, 1], relative: false },
    async judge(question, answers, ask, signal) {
      const { model, label_token_ids, query, item } = options
      const body = {
        model,
        query: filled(query, { prompt: question.text }),
        items: answers.map(({ text }) => filled(item, { answer: text })),
        label_token_ids,
        apply_softmax: true,
        item_first: false,
      }
      const { scores } = read(reply, await ask('/v1/score', body, signal))
      const rows = counted(scores, answers.length)
      return rows.map((row) => plainVerdict(goodShare(row, label_token_ids.length)))
    },
  }),
})

function goodShare(row: readonly number[], labels: number): number {
  counted(row, labels, 'labels')
  const sum = row.reduce((total, share) => total + share, 0)
  if (Math.abs(sum - 1) > 0.01) throw new MalformedReply(`probabilities of the labels that sum up to ${sum}`)
  return row[0]!
}
