import { z } from 'zod'
import { indexed, inOrder, number, read } from './read-reply.ts'
import { remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const reply = z.looseObject({
  data: indexed({
    // JSON has no -Infinity: "never choose this" comes as null
    score: number.nullable(),
    attributes: z.record(z.string(), number).optional(),
    steps: z.array(number).optional(),
  }),
})

/** `POST /v1/rewards` of another trimtab, or of whatever speaks it. */
export const trimtabRewards = wireFormat({
  options: z.strictObject({
    ...remoteFields('trimtab', "Another trimtab's `POST /v1/rewards`.", 64),
    reward: z.string().min(1).describe('The name that it has for the reward.'),
    partial: z.boolean().default(false).describe('Whether the reward can judge the beginnings of answers.'),
    relative: z.boolean().default(false).describe('Whether its scores compare the answers they are given with.'),
    may_exclude: z
      .boolean()
      .default(false)
      .describe(
        'Whether a score of null is -Infinity ("never choose this"), as it is on this route. Absent: a failure.',
      ),
  }),
  open: (_name, { reward, partial, relative, may_exclude }) => ({
    traits: { partial, range: undefined, relative },
    async judge(question, answers, ask, signal) {
      const { messages, text, references } = question
      const asked = messages === undefined ? { prompt: text } : { messages }
      const body = { reward, ...asked, responses: answers.map((answer) => answer.text), references }
      const { data } = read(reply, await ask('/v1/rewards', body, signal))
      return inOrder(data, answers.length).map(({ score, attributes, steps }) => {
        return { score: may_exclude ? (score ?? Number.NEGATIVE_INFINITY) : read(number, score), attributes, steps }
      })
    },
  }),
})
