import { z } from 'zod'
import { indexed, inOrder, number, plainVerdicts, read } from './read-reply.ts'
import { remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const reply = indexed({ score: number })

/** TEI's `POST /rerank`: a bare list, sorted by score. */
export const teiRerank = wireFormat({
  options: z.strictObject({
    ...remoteFields('tei-rerank', 'text-embeddings-inference `POST /rerank`.', 32),
    raw_scores: z.boolean().default(true).describe('Logits. false: after the sigmoid, from 0 to 1.'),
  }),
  open: (_name, { raw_scores }) => ({
    traits: { partial: true, range: raw_scores ? undefined : [0, 1], relative: false },
    async judge(question, answers, ask, signal) {
      const texts = answers.map(({ text }) => text)
      const body = { query: question.text, texts, raw_scores, return_text: false, truncate: false }
      const entries = read(reply, await ask('/rerank', body, signal))
      return plainVerdicts(inOrder(entries, answers.length).map(({ score }) => score))
    },
  }),
})
