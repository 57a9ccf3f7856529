import { z } from 'zod'
import { searchBudget, searchOptions } from './search-options.ts'
import { bestOfOptions, particleOptions } from './whole-answer-options.ts'

// Far above any published weight (GenARM's largest is 4), and low enough that weighted logits stay finite.
const weight = z
  .number()
  .min(-100)
  .max(100)
  .describe("Coefficient of the guide's log-probabilities at temperature 1; negative steers away.")

const name = z.string().min(1).max(256)

const guideEntry = z
  .strictObject({
    guide: name.optional().describe('A guide of the configuration.'),
    principle: z
      .string()
      .min(1)
      .max(8000)
      .optional()
      .describe('An instruction: the base given it, minus the base. Needs no training.'),
    contrast: z
      .tuple([name, name])
      .optional()
      .describe("[tuned, untuned]: two models with the base's vocabulary; the guide is their difference."),
    weight: weight.default(1),
    form: z
      .enum(['plain', 'relative'])
      .optional()
      .describe(
        'plain: weight * log guide. relative: weight * (log guide - log base), the default for negative weights.',
      ),
  })
  .check(({ value, issues }) => {
    for (const [path, message] of entryProblems(value)) issues.push({ code: 'custom', input: value, path, message })
  })

/** One of a request's reference answers. */
export const referenceText = z.string().max(32_000)

const speculationOptions = z.strictObject({
  exact: z
    .boolean()
    .optional()
    .describe(
      "Exact for the whole vocabulary, by fetching whole rows where the reported tokens leave a decision open; otherwise the target is restricted to the base's most likely tokens.",
    ),
  block: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe('Tokens drafted at a time; absent: adapted to acceptance and measured times.'),
  top: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe(
      'Most likely tokens of the base that the target is restricted to, as far as the engine reports so many; default 64.',
    ),
  drafts: z
    .int()
    .min(1)
    .max(8)
    .optional()
    .describe('Independent drafts of each block; absent: 1 where `block` is given, else adapted like it.'),
})

/**
 * The request's `alignment` object. Every field is optional and none has a default here, so that a header
 * and a policy can be laid under it field by field.
 */
export const alignmentOptions = z.strictObject({
  policy: name.optional().describe('A named preset of the configuration; fields given beside it override it.'),
  guides: z.array(guideEntry).max(16).optional().describe('What tilts every token.'),
  preferences: z
    .record(name, weight)
    .refine((preferences) => Object.keys(preferences).length <= 16, 'at most 16 preferences')
    .optional()
    .describe('Weights of the objectives of the configuration.'),
  compat: z
    .enum(['model_arithmetic'])
    .optional()
    .describe("model_arithmetic: divide all coefficients by their sum, as GenARM's reference engine does."),
  trace: z.boolean().optional().describe('Return how each token came about.'),
  particles: particleOptions.optional().describe('Feynman-Kac steering of a population of answers.'),
  best_of: bestOfOptions.optional().describe('Several whole answers, of which one is chosen.'),
  on_reward_error: z
    .enum(['fail', 'continue'])
    .optional()
    .describe(
      'What a reward that fails does to the request: fail (the default), or continue unsteered, with alignment.degraded set.',
    ),
  references: z
    .array(referenceText)
    .min(1)
    .max(16)
    .optional()
    .describe('Reference answers, for rewards that compare with them (bleu).'),
  speculation: speculationOptions.optional().describe('How guided answers over an upstream are drafted.'),
  search: searchOptions.optional().describe('Search for the answer that a reward prefers.'),
  budget: searchBudget.optional(),
})

export type AlignmentOptions = z.output<typeof alignmentOptions>
export type GuideEntry = z.output<typeof guideEntry>
export type GuideForm = NonNullable<GuideEntry['form']>

function entryProblems(entry: {
  guide?: string | undefined
  principle?: string | undefined
  contrast?: [string, string] | undefined
  form?: string | undefined
}): [path: string[], message: string][] {
  const { guide, principle, contrast, form } = entry
  const given = [guide, principle, contrast].filter((value) => value !== undefined).length
  if (given !== 1) return [[[], 'give exactly one of guide, principle and contrast']]
  if (form !== undefined && guide === undefined) {
    return [[['form'], 'belongs to guide: a principle and a contrast are differences already']]
  }
  if (contrast !== undefined && contrast[0] === contrast[1]) {
    return [[['contrast'], 'the two models must differ']]
  }
  return []
}
