import { z } from 'zod'
import { arrayField } from './array-field.ts'
import { textFormatField } from './response-format.ts'
import { maxTokensField, sharedFields } from './sampling-fields.ts'

const notYet = 'function calls are not supported yet'

// Parts of an answer come back as they were given, annotations and log-probabilities included.
const textPart = z.strictObject({
  type: z.enum(['input_text', 'output_text'], {
    error: 'images, audio and files are not supported, only text parts are',
  }),
  text: z.string(),
  annotations: z.array(z.unknown()).max(0).optional(),
  logprobs: z.array(z.unknown()).optional(),
})

/** An item of `input`. */
const messageItem = z.strictObject({
  type: z
    .literal('message', {
      error: `only messages can be given: ${notYet}, and nothing is stored that could be referred to`,
    })
    .optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), arrayField(textPart, { min: 1, max: 1024 })]),
  id: z.string().nullish(),
  status: z.enum(['in_progress', 'completed', 'incomplete']).nullish(),
  phase: z.enum(['commentary', 'final_answer']).nullish(),
})

const { n: _one, stream_options: _chunks, ...sampling } = sharedFields

const metadata = z
  .record(z.string().max(64), z.string().max(512))
  .refine((pairs) => Object.keys(pairs).length <= 16, 'must have at most 16 keys')

/** Asks for what no answer has here: the encrypted reasoning of a model that does not reason. */
const nothingToInclude = 'reasoning.encrypted_content'
const withLogprobs = 'message.output_text.logprobs'

/** Body of POST /v1/responses. */
export const responsesRequest = z
  .strictObject({
    ...sampling,
    input: z
      .union([z.string(), arrayField(messageItem, { min: 1, max: 4096, tooFew: 'there must be at least one item' })])
      .describe('A text of the user, or messages.'),
    instructions: z.string().optional().describe('A system message before the input.'),
    max_output_tokens: maxTokensField.optional().describe('Most tokens of the answer.'),
    include: arrayField(z.enum([withLogprobs, nothingToInclude]), { max: 16 })
      .default([])
      .describe(`\`${withLogprobs}\` reports the log-probability of each token.`),
    top_logprobs: z.int().min(0).max(20).default(0).describe('How many alternatives to report per token.'),
    text: z.strictObject({ format: textFormatField.optional(), verbosity: z.literal('medium').optional() }).optional(),
    reasoning: z
      .strictObject({
        effort: z.literal('none', { error: 'reasoning effort is not supported' }).nullish(),
        summary: z.null().optional(),
        generate_summary: z.null().optional(),
      })
      .optional(),
    stream_options: z.strictObject({ include_obfuscation: z.literal(false).optional() }).optional(),
    n: z.literal(1).default(1),
    metadata: metadata.default({}).describe('Accepted and repeated in the reply.'),
    store: z.literal(false).optional(),
    background: z.literal(false).optional(),
    truncation: z.literal('disabled').optional(),
    service_tier: z.enum(['auto', 'default']).optional(),
    parallel_tool_calls: z.boolean().default(true).describe('Accepted; there are no tools to call.'),
    tools: z.array(z.unknown()).max(0).optional(),
    tool_choice: z
      .enum(['none', 'auto'], { error: 'tools are not supported yet, so only auto and none are possible' })
      .default('auto'),
    safety_identifier: z.string().optional().describe('Accepted; changes nothing here.'),
    prompt_cache_key: z.string().optional().describe('Accepted; prefixes are always shared.'),
  })
  .superRefine((body, context) => {
    if (body.top_logprobs > 0 && !asksForLogprobs(body)) {
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: `needs include: ["${withLogprobs}"]` })
    }
    if (body.stream_options !== undefined && !body.stream) {
      context.addIssue({ code: 'custom', path: ['stream_options'], message: 'needs stream: true' })
    }
  })

export type ResponsesRequest = z.output<typeof responsesRequest>

/** Whether the log-probabilities of the answer's tokens are to be reported. */
export const asksForLogprobs = ({ include }: Pick<ResponsesRequest, 'include'>): boolean =>
  include.includes(withLogprobs)
