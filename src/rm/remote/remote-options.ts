import { z } from 'zod'

const name = z.string().min(1).max(128)

/** What every reward of an upstream has, whatever its format. */
export const remoteFields = <Format extends string>(format: Format, about: string, batch: number) => ({
  kind: z.literal('remote').describe('A reward that an upstream computes: docs/remote-rewards.md.'),
  format: z.literal(format).describe(about),
  upstream: name.describe('The upstream of `upstreams` that serves it; its key and replicas are used.'),
  batch: z.int().min(1).max(1024).default(batch).describe('Most answers of one call.'),
  parallel: z.int().min(1).max(256).default(8).describe('Most calls of this reward at one time, over all requests.'),
  timeout_seconds: z
    .number()
    .positive()
    .max(3600)
    .default(30)
    .describe('How long a call may take, repetitions included.'),
  retries: z
    .int()
    .min(0)
    .max(10)
    .default(2)
    .describe('How often a call that was refused with 429 or 503 and a Retry-After is made again, within its time.'),
})

export const modelField = z.string().min(1).describe('The name that the upstream has for the model.')

/** Which of several numbers is the score. */
export const labelFields = {
  label: z
    .int()
    .min(0)
    .optional()
    .describe('Which of several labels is the score, counted from 0. Absent: the only one.'),
  labels: z.int().min(1).optional().describe('How many labels the model has; another number fails the reward.'),
}

/** How a text classifier reads a prompt and an answer. */
export const readingFields = {
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder of the model's tokenizer and chat template (relative to this file): texts go as token ids, batched.",
    ),
  reads: z
    .enum(['answer', 'joined'])
    .optional()
    .describe(
      'answer: the answer alone. joined: prompt and answer as one text. Absent: the conversation, through a chat template.',
    ),
}

export interface RemoteTransport {
  readonly batch: number
  readonly parallel: number
  readonly timeout_seconds: number
  readonly retries: number
}
