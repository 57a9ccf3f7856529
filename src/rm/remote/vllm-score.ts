import { z } from 'zod'
import { indexed, inOrder, number, plainVerdicts, read } from './read-reply.ts'
import { modelField, remoteFields } from './remote-options.ts'
import { wireFormat } from './wire-format.ts'

const reply = z.looseObject({ data: indexed({ score: number }) })

/** vLLM's `POST /v1/score`: a cross-encoder reads the prompt with each answer. The route is one of those that vLLM's key guards. */
export const vllmScore = wireFormat({
  options: z.strictObject({
    ...remoteFields('vllm-score', 'vLLM `POST /v1/score`, a cross-encoder.', 64),
    model: modelField,
    activation: z.boolean().default(false).describe("Let vLLM apply the model's activation: scores from 0 to 1."),
  }),
  open: (_name, { model, activation }) => ({
    traits: { partial: true, range: activation ? [0, 1] : undefined, relative: false },
    async judge(question, answers, ask, signal) {
      const documents = answers.map(({ text }) => text)
      const body = { model, queries: question.text, documents, use_activation: activation }
      const { data } = read(reply, await ask('/v1/score', body, signal))
      return plainVerdicts(inOrder(data, answers.length).map(({ score }) => score))
    },
  }),
})
