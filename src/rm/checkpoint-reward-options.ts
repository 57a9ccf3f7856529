import { z } from 'zod'

const checkpoint = {
  path: z.string().min(1).describe('A folder in Hugging Face layout (relative to this file), or a hub id.'),
  weights: z
    .enum(['fp32', 'int8'])
    .default('fp32')
    .describe('fp32 keeps the order of answers that are nearly equal; int8 takes a quarter of the memory.'),
  context: z.int().min(2).optional().describe("Most tokens of a text. Absent, or larger: the checkpoint's own limit."),
}

const label = z.union([z.string().min(1), z.int().min(0)])

const reading = {
  reads: z
    .enum(['answer', 'pair'])
    .optional()
    .describe(
      "answer: the answer alone. pair: the prompt and the answer. Absent: the conversation through the checkpoint's chat template, or a pair where it has none.",
    ),
  truncate: z
    .literal('left')
    .optional()
    .describe('Leave out the beginning of what does not fit the context. Absent: such a text is refused.'),
}

const classifier = z.strictObject({
  kind: z.literal('classifier').describe('A sequence classifier or Bradley-Terry reward model; the raw logit scores.'),
  ...checkpoint,
  ...reading,
  label: label.optional().describe('The label whose logit is the score, by name or index. Absent: the only one.'),
})

const weights = z
  .record(z.string().min(1), z.number())
  .refine((entries) => Object.keys(entries).length > 0, 'name at least one attribute')

const attributes = z
  .strictObject({
    kind: z.literal('attributes').describe('A regression head of named attributes; the score is their weighted sum.'),
    ...checkpoint,
    ...reading,
    attributes: weights.describe('Weights by attribute, such as { helpfulness: 0.65, verbosity: -0.4 }.'),
    names: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe("Names of the head's rows, in order, for a checkpoint that does not name them."),
  })
  .check(({ value, issues }) => {
    for (const attribute of Object.keys(value.attributes)) {
      if (value.names === undefined || value.names.includes(attribute)) continue
      const message = `is none of names: ${value.names.join(', ')}`
      issues.push({ code: 'custom', input: value, path: ['attributes', attribute], message })
    }
  })

const shaping = z
  .union([
    z.strictObject({ clip: z.number().describe('min(r - this, 0): only steps that are worse count.') }),
    z.literal('delta').describe('Differences of neighbouring steps, so that repeating a step earns nothing.'),
  ])
  .describe('Sum the reshaped step rewards (arXiv 2410.15115) in the place of an aggregate.')

const process = z
  .strictObject({
    kind: z.literal('process').describe('A process reward model: a probability of being right for each step.'),
    ...checkpoint,
    delimiter: z.string().min(1).default('\n\n').describe('What ends a step.'),
    separator: z
      .string()
      .min(1)
      .optional()
      .describe("The token put behind each step, at which it is judged. Absent: the step's own last token."),
    aggregate: z.enum(['min', 'last', 'mean', 'product']).optional().describe('One score of many steps. Absent: last.'),
    shaping: shaping.optional(),
    label: label.optional().describe('The label that says a step is right. Absent: the second of two.'),
    unfinished: z
      .enum(['skip', 'score'])
      .default('skip')
      .describe("Whether an unfinished answer's last step, which nothing has ended yet, is judged."),
  })
  .refine(({ aggregate, shaping: shaped }) => aggregate === undefined || shaped === undefined, {
    path: ['aggregate'],
    message: 'shaping sums the steps: give either aggregate or shaping',
  })

const pairwise = z.strictObject({
  kind: z
    .literal('pairwise')
    .describe("A preference model (arXiv 2410.02197): an answer's mean win rate over the others."),
  ...checkpoint,
  temperature: z
    .number()
    .positive()
    .default(0.1)
    .describe('Of the preference: P(i over j) = sigmoid(s / temperature).'),
})

/** Rewards that load a checkpoint of their own. */
export const checkpointRewards = [classifier, attributes, process, pairwise] as const
