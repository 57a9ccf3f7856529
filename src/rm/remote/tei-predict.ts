import { z } from 'zod'
import { plainVerdict } from '../reward-verdicts.ts'
import { joined } from './judged-text.ts'
import { counted, number, read } from './read-reply.ts'
import { remoteFields } from './remote-options.ts'
import { MalformedReply, wireFormat } from './wire-format.ts'

const prediction = z.array(z.looseObject({ label: z.string(), score: number })).min(1)

type Prediction = z.output<typeof prediction>

/** TEI's `POST /predict`: a text classifier. Each text's labels come sorted by score, so the label is found by its name. */
export const teiPredict = wireFormat({
  options: z.strictObject({
    ...remoteFields('tei-predict', 'text-embeddings-inference `POST /predict`.', 32),
    label: z.string().min(1).optional().describe("The label whose score counts, by TEI's name. Absent: the only one."),
    reads: z
      .enum(['answer', 'joined', 'pair'])
      .default('pair')
      .describe('answer: the answer alone. joined: both as one text. pair: prompt and answer as two texts.'),
    raw_scores: z.boolean().default(true).describe('Logits. false: after the softmax, from 0 to 1.'),
  }),
  open: (_name, { label, reads, raw_scores }) => ({
    traits: { partial: true, range: raw_scores ? undefined : [0, 1], relative: false },
    async judge(question, answers, ask, signal) {
      // a list of strings would be read as one pair
      const inputs = answers.map((answer) =>
        reads === 'pair' ? [question.text, answer.text] : [joined(question, answer, reads)],
      )
      const body = { inputs, raw_scores, truncate: false }
      const predictions = read(z.array(prediction), await ask('/predict', body, signal))
      return counted(predictions, answers.length).map((one) => plainVerdict(scoreOf(one, label)))
    },
  }),
})

function scoreOf(predictions: Prediction, label: string | undefined): number {
  const found = label === undefined ? predictions : predictions.filter((one) => one.label === label)
  if (found.length === 1) return found[0]!.score
  const names = predictions.map((one) => one.label).join(', ')
  throw new MalformedReply(
    `the labels ${names}${label === undefined ? ': say with `label` which one counts' : `, not '${label}' once`}`,
  )
}
