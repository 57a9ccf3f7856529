import { z } from 'zod'
import { InvalidRequestError } from '../../decoding/errors.ts'
import { type Aggregate, aggregateSteps, splitSteps } from '../process-steps.ts'
import type { Answer, Question, Verdict } from '../reward.ts'
import { plainVerdict } from '../reward-verdicts.ts'
import { judgedText } from './judged-text.ts'
import { counted, indexed, inOrder, labelled, number, read } from './read-reply.ts'
import { labelFields, modelField, readingFields, remoteFields } from './remote-options.ts'
import { askPooling } from './vllm-input.ts'
import { MalformedReply, wireFormat } from './wire-format.ts'

const numbers = z.array(number).min(1)
const reply = z.looseObject({ data: indexed({ data: z.union([z.array(numbers), numbers]) }) })

const noStep: Verdict = { score: Number.NEGATIVE_INFINITY, attributes: undefined, steps: [] }

/**
 * vLLM's `POST /pooling`. Level sequence: one row of numbers for a text. Level token: a row for each token, or for each step where the server was
 * started with the pooling type STEP; rows are then the steps of a process reward model.
 */
export const vllmPooling = wireFormat({
  options: z.strictObject({
    ...remoteFields('vllm-pooling', 'vLLM `POST /pooling` (runner pooling).', 64),
    model: modelField,
    level: z
      .enum(['sequence', 'token', 'step'])
      .default('sequence')
      .describe(
        'sequence: a score of the whole. token: the last token has it. step: rows are steps (pooling_type STEP).',
      ),
    aggregate: z
      .enum(['min', 'last', 'mean', 'product'])
      .default('last')
      .describe('One score of many steps; for step.'),
    delimiter: z.string().min(1).default('\n\n').describe('What ends a step; for step.'),
    step_tag: z
      .string()
      .min(1)
      .optional()
      .describe('What is put behind each step, in the place of its delimiter; there must be as many rows. For step.'),
    activation: z.boolean().default(false).describe("Let vLLM apply the model's activation; steps always have it."),
    ...labelFields,
    ...readingFields,
  }),
  open(name, { model, level, aggregate, delimiter, step_tag: tag, label, labels, activation, ...reading }) {
    const textOf = judgedText(reading)
    const use = activation || level === 'step'
    const scoreOf = (row: readonly number[]) => labelled(row, label, labels)
    const verdictOf = (data: readonly number[] | readonly (readonly number[])[], answer: Answer): Verdict => {
      if (level !== 'step') return plainVerdict(scoreOf(rowOf(data, level)))
      const rows = rowsOf(data, level)
      if (tag !== undefined) counted(rows, splitSteps(answer.text, delimiter, true).length, 'steps')
      return stepVerdict(rows.map(scoreOf), aggregate)
    }
    const tagged = (answer: Answer): Answer =>
      level === 'step' && tag !== undefined ? withTags(answer, delimiter, tag) : answer
    return {
      traits: { partial: level !== 'step', range: use ? [0, 1] : undefined, relative: false },
      async judge(question, answers, ask, signal) {
        if (tag !== undefined) refuseTag(name, question, tag)
        const texts = answers.map((answer) => textOf(question, tagged(answer)))
        const fields = { model, encoding_format: 'float', use_activation: use }
        const replies = await askPooling('/pooling', fields, texts, ask, signal)
        const entries = replies.flatMap(({ reply: one, count }) => inOrder(read(reply, one).data, count))
        return entries.map(({ data }, i) => verdictOf(data, answers[i]!))
      },
    }
  },
})

type Data = readonly number[] | readonly (readonly number[])[]

function rowOf(data: Data, level: string): readonly number[] {
  if (level === 'token') return rowsOf(data, level).at(-1)!
  if (!isRows(data)) return data
  throw new MalformedReply('a row for each token where one of the whole was due: set level')
}

function rowsOf(data: Data, level: string): readonly (readonly number[])[] {
  if (isRows(data)) {
    if (level === 'step' || data.length > 0) return data
    throw new MalformedReply('no row of any token')
  }
  throw new MalformedReply(`one row of the whole where a row for each ${level} was due: set level`)
}

const isRows = (data: Data): data is readonly (readonly number[])[] => data.every((row) => typeof row === 'object')

/** A tag in the prompt would be a step of nobody's. */
function refuseTag(name: string, { text, messages = [] }: Question, tag: string): void {
  if (![text, ...messages.map(({ content }) => content)].some((said) => said.includes(tag))) return
  throw new InvalidRequestError(`The prompt contains '${tag}', which the reward '${name}' reads.`, 'messages')
}

/** A tag of the answer's own is taken apart, or out, or it would be a step. */
const withTags = (answer: Answer, delimiter: string, tag: string): Answer => {
  const apart = tag.length === 1 ? ' ' : `${tag.slice(0, 1)} ${tag.slice(1)}`
  const steps = splitSteps(answer.text, delimiter, true)
  return { ...answer, text: steps.map(({ text }) => text.replaceAll(tag, apart) + tag).join('') }
}

/** A finished answer without a step has nothing right, as with process rewards here. */
function stepVerdict(steps: readonly number[], aggregate: Aggregate): Verdict {
  const foreign = steps.find((step) => step < 0 || step > 1)
  if (foreign !== undefined) throw new MalformedReply(`a step of ${foreign}, which is no probability`)
  if (steps.length === 0) return noStep
  return { score: aggregateSteps(aggregate, steps.map(Math.log)), attributes: undefined, steps }
}
