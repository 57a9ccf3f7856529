import { z } from 'zod'
import { promptField } from './prompt-field.ts'
import { maxTokensField, sharedFields } from './sampling-fields.ts'

/** Body of POST /v1/completions. */
export const completionRequest = z
  .strictObject({
    ...sharedFields,
    prompt: promptField.describe('A text, several texts, the token ids of one prompt, or of several.'),
    max_tokens: maxTokensField.default(16),
    logprobs: z.int().min(0).max(20).optional().describe('How many alternatives to report per token.'),
    echo: z.literal(false).optional(),
    best_of: z.int().optional().describe('Must equal n.'),
  })
  .superRefine((body, context) => {
    if (body.best_of !== undefined && body.best_of !== body.n) {
      context.addIssue({
        code: 'custom',
        path: ['best_of'],
        message: 'must equal n; to choose among more use alignment.best_of',
      })
    }
    if (body.stream_options !== undefined && !body.stream) {
      context.addIssue({ code: 'custom', path: ['stream_options'], message: 'needs stream: true' })
    }
  })

export type CompletionRequest = z.output<typeof completionRequest>
