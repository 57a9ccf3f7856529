import { z } from 'zod'
import { hashPattern } from './key-hash.ts'

const hash = z.string().regex(hashPattern, 'a hash is "sha256:" and 64 hexadecimal digits; `trimtab key` makes one')
const names = z.array(z.string().min(1)).min(1)
const perMinute = z.int().min(1).max(1_000_000_000)

/** One entry of `keys`. */
export const keyConfig = z.strictObject({
  hash: z
    .union([hash, z.array(hash).min(1).max(8)])
    .describe('Hash of the key, as `trimtab key` prints it; several while one key replaces another.'),
  expires: z
    .union([z.iso.date(), z.iso.datetime({ offset: true })])
    .optional()
    .describe('From this day or moment on the key is refused, such as `2027-01-01` (UTC) or `2027-01-01T12:00:00Z`.'),
  requests_per_minute: perMinute.optional().describe('Requests below /v1/; so many may come at once.'),
  tokens_per_minute: perMinute
    .optional()
    .describe(
      'Prompt and generated tokens, those of dropped candidates too. Reserved by what is asked for, settled by what came.',
    ),
  concurrent_cost: z
    .int()
    .min(1)
    .optional()
    .describe('Sequences that its requests may hold at one time: one with 8 particles counts 8.'),
  models: names.optional().describe('Model names it may use. Absent: all.'),
  policies: names
    .optional()
    .describe("Policies it may use; `inline` stands for an `alignment` of the request's own. Absent: all."),
  max_n: z.int().min(1).optional().describe('Most choices of one request, over all its prompts.'),
  max_guides: z
    .int()
    .min(0)
    .optional()
    .describe('Most guides of one request, those of its policy and preferences too.'),
})

export type KeyConfig = z.output<typeof keyConfig>
