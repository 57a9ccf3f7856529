import { z } from 'zod'
import { alignmentOptions } from '../guidance/alignment-options.ts'
import { arrayField } from './array-field.ts'
import { logitBiasField } from './logit-bias-field.ts'

// Far below any useful value. Denormal numbers count as 0 where the engine runs, so there is nothing to divide by near 0.
const leastTemperature = 1e-6

const stopText = z.string().min(1).max(256)

/**
 * Fields that chat completions and completions share.
 * The bounds are OpenAI's; `top_k` to `ignore_eos` are vLLM's names, so that its clients work unchanged.
 */
export const sharedFields = {
  model: z.string().min(1).max(256).describe('Name of a served model, or an alias from the configuration.'),
  temperature: z
    .number()
    .min(0)
    .max(2)
    .refine((value) => value === 0 || value >= leastTemperature, `must be 0 or at least ${leastTemperature}`)
    .default(1)
    .describe('0 always takes the most likely token; otherwise at least 1e-6.'),
  top_p: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Keep the smallest set of tokens whose probability reaches this.'),
  top_k: z.int().min(-1).default(-1).describe('Keep the k most likely tokens; -1 and 0 keep all.'),
  min_p: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe('Drop tokens less likely than this share of the most likely one.'),
  presence_penalty: z.number().min(-2).max(2).default(0).describe('Subtracted from tokens the answer has used.'),
  frequency_penalty: z.number().min(-2).max(2).default(0).describe('Subtracted per use in the answer.'),
  repetition_penalty: z
    .number()
    .min(0.01)
    .max(10)
    .default(1)
    .describe('Above 1 makes tokens of prompt and answer less likely.'),
  logit_bias: logitBiasField.default({}).describe('Token id -> number added to its logit.'),
  stop: z
    .union([stopText, arrayField(stopText, { max: 16 })])
    .default([])
    .describe('Up to 16 texts of up to 256 characters; the answer ends before the first that appears.'),
  stop_token_ids: arrayField(z.int().min(0), { max: 256 }).default([]).describe('Token ids that end the answer.'),
  ignore_eos: z.boolean().default(false).describe("Go on after the model's end-of-sequence token."),
  seed: z
    .int()
    .optional()
    .describe('Same request and seed, same answer. Absent: random, reported in `alignment.seed`.'),
  n: z.int().min(1).max(128).default(1).describe('Number of choices.'),
  stream: z.boolean().default(false).describe('Send the answer as server-sent events while it is written.'),
  stream_options: z
    .strictObject({
      include_usage: z.boolean().default(false).describe('A last chunk carries the token counts.'),
      include_obfuscation: z.literal(false).optional(),
    })
    .optional(),
  alignment: alignmentOptions.optional().describe('What steers the answer; absent: nothing does.'),
  user: z.string().optional().describe('Accepted; changes nothing here.'),
} as const

export const sharedBody = z.strictObject(sharedFields)

export const maxTokensField = z.int().min(1)
