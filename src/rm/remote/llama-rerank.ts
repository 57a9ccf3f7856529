import { z } from 'zod'
import { indexed, inOrder, number, plainVerdicts, read } from './read-reply.ts'
import { remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const reply = z.looseObject({ results: indexed({ relevance_score: number }) })

/** llama-server's `POST /v1/rerank` (started with --embedding --pooling rank); vLLM has the same route. */
export const llamaRerank = wireFormat({
  options: z.strictObject({
    ...remoteFields(
      'llama-rerank',
      'llama-server `POST /v1/rerank` (--embedding --pooling rank); vLLM has it too.',
      64,
    ),
    model: z
      .string()
      .min(1)
      .optional()
      .describe('The name that the upstream has for the model; llama-server needs none.'),
  }),
  open: (_name, { model }) => ({
    traits: { partial: true, range: undefined, relative: false },
    async judge(question, answers, ask, signal) {
      const documents = answers.map(({ text }) => text)
      const body = {
        ...(model === undefined ? {} : { model }),
        query: question.text,
        documents,
        top_n: documents.length,
      }
      const { results } = read(reply, await ask('/v1/rerank', body, signal))
      return plainVerdicts(inOrder(results, answers.length).map(({ relevance_score }) => relevance_score))
    },
  }),
})
