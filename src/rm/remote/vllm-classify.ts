import { z } from 'zod'
import { judgedText } from './judged-text.ts'
import { indexed, inOrder, labelled, number, plainVerdicts, read } from './read-reply.ts'
import { labelFields, modelField, readingFields, remoteFields } from './remote-options.ts'
import { askPooling } from './vllm-input.ts'
import { wireFormat } from './wire-format.ts'

const reply = z.looseObject({ data: indexed({ probs: z.array(number).min(1), num_classes: z.int().optional() }) })

/** vLLM's `POST /classify`: sequence classifiers and reward models, raw logits unless an activation is asked for. */
export const vllmClassify = wireFormat({
  options: z.strictObject({
    ...remoteFields('vllm-classify', 'vLLM `POST /classify` (runner pooling).', 64),
    model: modelField,
    ...labelFields,
    ...readingFields,
    activation: z
      .boolean()
      .default(false)
      .describe(
        "Let vLLM apply the model's activation: scores from 0 to 1, where differences of rewards are squashed.",
      ),
  }),
  open(_name, { model, label, labels, activation, ...reading }) {
    const textOf = judgedText(reading)
    return {
      traits: { partial: true, range: activation ? [0, 1] : undefined, relative: false },
      async judge(question, answers, ask, signal) {
        const texts = answers.map((answer) => textOf(question, answer))
        const replies = await askPooling('/classify', { model, use_activation: activation }, texts, ask, signal)
        const entries = replies.flatMap(({ reply: one, count }) => inOrder(read(reply, one).data, count))
        return plainVerdicts(entries.map(({ probs }) => labelled(probs, label, labels)))
      },
    }
  },
})
