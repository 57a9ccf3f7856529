import { z } from 'zod'
import { arrayField } from './array-field.ts'
import { responseFormatField } from './response-format.ts'
import { maxTokensField, sharedFields } from './sampling-fields.ts'
import { toolCallsField, toolChoiceField, toolProblem, toolsField } from './tool-fields.ts'

const textPart = z.strictObject({
  type: z.literal('text', { error: 'images, audio and files are not supported, only text parts are' }),
  text: z.string(),
})

const content = z.union([z.string(), arrayField(textPart, { min: 1, max: 1024 })])

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: content.nullish().describe('Text, or text parts, which are joined by line ends.'),
  name: z.string().nullish(),
  tool_call_id: z.string().nullish(),
  // An assistant message of an earlier reply may come back as it was given, empty fields and all.
  refusal: z.null().optional(),
  audio: z.null().optional(),
  function_call: z.null().optional(),
  annotations: z.array(z.unknown()).max(0).nullish(),
  tool_calls: toolCallsField.nullish(),
})

const saidMessage = message.superRefine(({ role, content: said, tool_calls, tool_call_id }, context) => {
  const calls = tool_calls?.length ?? 0
  const fault = (path: string, text: string) => context.addIssue({ code: 'custom', path: [path], message: text })
  if (said == null && calls === 0) fault('content', 'is required')
  if (calls > 0 && role !== 'assistant') fault('tool_calls', "belongs to messages of the role 'assistant'")
  if (role === 'tool' && tool_call_id == null) fault('tool_call_id', "is required in messages of the role 'tool'")
})

/** A conversation; it has at least one message. */
export const messagesField = arrayField(saidMessage, {
  min: 1,
  max: 4096,
  tooFew: 'there must be at least one message',
})

/** Body of POST /v1/chat/completions. */
export const chatRequest = z
  .strictObject({
    ...sharedFields,
    messages: messagesField,
    max_tokens: maxTokensField
      .optional()
      .describe('Most tokens of the answer; the older name of max_completion_tokens.'),
    max_completion_tokens: maxTokensField.optional().describe('Most tokens of the answer.'),
    logprobs: z
      .boolean()
      .default(false)
      .describe('Report the log-probability of each token, under the law it was drawn from.'),
    top_logprobs: z.int().min(0).max(20).optional().describe('How many alternatives to report per token.'),
    metadata: z.record(z.string(), z.string()).optional().describe('Accepted; changes nothing here.'),
    store: z.literal(false).optional(),
    service_tier: z.enum(['auto', 'default']).optional(),
    safety_identifier: z.string().optional().describe('Accepted; changes nothing here.'),
    prompt_cache_key: z.string().optional().describe('Accepted; prefixes are always shared.'),
    verbosity: z.literal('medium').optional(),
    reasoning_effort: z.literal('none').optional(),
    modalities: z.tuple([z.literal('text')]).optional(),
    response_format: responseFormatField.optional(),
    tools: toolsField.optional(),
    tool_choice: toolChoiceField.optional(),
    parallel_tool_calls: z.boolean().default(true).describe('Whether one answer may have several calls.'),
    functions: z.array(z.unknown()).max(0).optional(),
    function_call: z.literal('none').optional(),
  })
  .superRefine((body, context) => {
    if (body.top_logprobs !== undefined && !body.logprobs) {
      context.addIssue({ code: 'custom', path: ['top_logprobs'], message: 'needs logprobs: true' })
    }
    if (body.stream_options !== undefined && !body.stream) {
      context.addIssue({ code: 'custom', path: ['stream_options'], message: 'needs stream: true' })
    }
    const problem = toolProblem(
      body.tools?.map((tool) => tool.function),
      toolChoiceOf(body),
    )
    if (problem !== undefined) context.addIssue({ code: 'custom', path: [problem.path], message: problem.message })
    const { max_tokens: older, max_completion_tokens: newer } = body
    if (older !== undefined && newer !== undefined && older !== newer) {
      context.addIssue({
        code: 'custom',
        path: ['max_tokens'],
        message: 'differs from max_completion_tokens; give one of them',
      })
    }
  })

/** Undefined where the request leaves it open. */
export function toolChoiceOf({
  tool_choice: choice,
}: {
  readonly tool_choice?: z.output<typeof toolChoiceField> | undefined
}) {
  return typeof choice === 'object' ? { name: choice.function.name } : choice
}

export type ChatRequest = z.output<typeof chatRequest>
