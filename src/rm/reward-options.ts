import { z } from 'zod'
import { checkpointRewards } from './checkpoint-reward-options.ts'
import { compileSchema } from './json-schema.ts'
import { remoteOptions } from './remote/wire-formats.ts'

const name = z.string().min(1).max(128)

const reader = z
  .strictObject({
    model: name.optional().describe('A model of `models`.'),
    guide: name.optional().describe('A trained guide of `guides`: its model, with its adapter.'),
    principle: z.string().min(1).optional().describe('An instruction that it is given in its system message.'),
  })
  .refine(({ model, guide }) => (model === undefined) !== (guide === undefined), 'give either model or guide')

const implicit = z.strictObject({
  kind: z.literal('implicit').describe('beta * log of policy over reference, per step and in all (arXiv 2412.01981).'),
  policy: reader.describe('The model that was trained by preference, or is given a principle.'),
  reference: reader.describe('The model it was trained from, of the same vocabulary.'),
  beta: z.number().positive().default(1).describe('Scales the reward.'),
  separator: z.string().min(1).default('\n\n').describe('What steps end with.'),
})

const arm = z
  .strictObject({
    kind: z.literal('arm').describe('The log-probability that an autoregressive reward model gives the whole answer.'),
    model: name.optional().describe('A model of `models`. Give either this or `guide`.'),
    guide: name.optional().describe('A genarm guide of `guides`.'),
    per_token: z.boolean().default(false).describe("Divide by the number of tokens. The sum is GenARM's."),
    end_token: z
      .boolean()
      .default(true)
      .describe(
        'Count the end-of-sequence token of finished answers; without it shorter is better, and empty is best.',
      ),
  })
  .refine(({ model, guide }) => (model === undefined) !== (guide === undefined), 'give either model or guide')

const amount = z.int().min(0).optional()

const length = z
  .strictObject({
    kind: z.literal('length').describe('Minus the distance of the length to the target or the band; 0 inside.'),
    unit: z.enum(['words', 'sentences', 'characters', 'tokens']).default('words'),
    target: amount.describe('The length that is wanted. Give either this or `min` and `max`.'),
    min: amount.describe('Shortest length that is not too short.'),
    max: amount.describe('Longest length that is not too long.'),
    model: name.optional().describe('The model whose tokens are counted; for the unit tokens only.'),
  })
  .check(({ value, issues }) => {
    for (const [field, message] of lengthProblems(value))
      issues.push({ code: 'custom', input: value, path: [field], message })
  })

const regex = z
  .strictObject({
    kind: z.literal('regex').describe('Whether, or how often, a pattern is found.'),
    pattern: z.string().min(1).max(4096).describe('A JavaScript regular expression.'),
    flags: z
      .string()
      .regex(/^(?!.*(.).*\1)[imsu]*$/, 'flags are i, m, s and u, each at most once')
      .default('')
      .describe('Of i, m, s and u.'),
    score: z.enum(['match', 'count']).default('match').describe('match: 1 or 0. count: the number of matches.'),
  })
  .check(({ value, issues }) => {
    const message = complaintOf(() => new RegExp(value.pattern, value.flags))
    if (message !== undefined) issues.push({ code: 'custom', input: value, path: ['pattern'], message })
  })

const json = z
  .strictObject({
    kind: z.literal('json').describe('1 for valid JSON, 0.5 for JSON that is not valid, 0 for what is no JSON.'),
    schema: z.record(z.string(), z.unknown()).default({}).describe('A JSON Schema (2020-12, or draft 7 by `$schema`).'),
  })
  .check(({ value, issues }) => {
    const message = complaintOf(() => compileSchema(value.schema))
    if (message !== undefined) issues.push({ code: 'custom', input: value, path: ['schema'], message })
  })

const arithmetic = z.strictObject({
  kind: z.literal('arithmetic').describe('Checks "31 - 6 = 25. 25 - 5 = 20. The answer is 20."'),
  score: z
    .enum(['sound', 'steps'])
    .default('sound')
    .describe('sound: 1 where every step and the answer are right, else 0. steps: the share of right steps.'),
})

const bleu = z.strictObject({
  kind: z.literal('bleu').describe("BLEU against the request's reference answers (arXiv 2505.11080)."),
})

const combination = z.strictObject({
  kind: z.literal('combination').describe('A weighted sum of other rewards.'),
  rewards: z
    .record(name, z.number().min(-1000).max(1000))
    .refine((rewards) => Object.keys(rewards).length > 0, 'name at least one reward')
    .describe('Weights by the names of rewards, such as { helpful: 0.7, harmless: 0.3 }.'),
  z_score: z.boolean().default(false).describe("z-score each reward over the request's answers before weighting."),
})

/** One entry of the configuration's `rewards`. */
export const rewardOptions = z.discriminatedUnion('kind', [
  ...checkpointRewards,
  implicit,
  arm,
  length,
  regex,
  json,
  arithmetic,
  bleu,
  combination,
  remoteOptions,
])

export type RewardOptions = z.output<typeof rewardOptions>

interface LengthChoice {
  readonly unit: string
  readonly target?: number | undefined
  readonly min?: number | undefined
  readonly max?: number | undefined
  readonly model?: string | undefined
}

function lengthProblems({ unit, target, min, max, model }: LengthChoice): [field: string, message: string][] {
  const problems: [string, string][] = []
  const banded = min !== undefined || max !== undefined
  if ((target === undefined) === !banded)
    problems.push(['target', 'give either target, or min and max (or one of them)'])
  if (min !== undefined && max !== undefined && min > max) problems.push(['min', `is above max (${max})`])
  if ((unit === 'tokens') !== (model !== undefined))
    problems.push(['model', 'the unit tokens needs the model whose tokens are counted; other units need none'])
  return problems
}

/** The error's message of something that throws; undefined where it does not. */
function complaintOf(attempt: () => unknown): string | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
