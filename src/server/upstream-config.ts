import { z } from 'zod'

const seconds = z.number().positive().max(86_400)

/** A deadline of a day is none that anybody will see. */
const deadlines = z.strictObject({
  connect_seconds: seconds.default(2).describe('Until a connection is made.'),
  first_byte_seconds: seconds.default(300).describe('From the request to the head of the reply.'),
  idle_seconds: seconds.default(300).describe('Between two pieces of a reply.'),
  total_seconds: seconds.default(3600).describe('Over everything, retries included.'),
})

const retries = z.strictObject({
  attempts: z.int().min(0).max(10).default(2).describe('Most attempts after the first of one call.'),
  ratio: z.number().min(0).max(1).default(0.2).describe('Retries per call over all calls, in the long run.'),
  reserve: z.int().min(0).max(1000).default(10).describe('Retries that may be made at once before the ratio counts.'),
  back_off_seconds: seconds
    .default(0.1)
    .describe('Wait before the first retry where no other replica is left to ask; doubles.'),
})

const health = z.strictObject({
  path: z
    .string()
    .startsWith('/')
    .optional()
    .describe(
      'Route asked with GET; alive is whatever it answers below 500. Absent: `/health`, for `openai` `/v1/models`.',
    ),
  every_seconds: z.number().min(0).max(86_400).default(5).describe('How often each replica is asked; 0: never.'),
  timeout_seconds: seconds.default(2).describe('How long an answer may take.'),
  failures: z.int().min(1).default(2).describe('Failed probes in a row that take a replica out.'),
})

const breaker = z.strictObject({
  failures: z.int().min(1).default(5).describe('Failed calls in a row that keep further ones away from a replica.'),
  open_seconds: seconds.default(10).describe('How long; then one call may try.'),
})

const root = z
  .url({ protocol: /^https?$/, error: 'a URL is like "http://gpu-1:8000"' })
  .refine((url) => !/[?#]|\/\/[^/]*@/.test(url), 'a URL has no query, fragment or user; keys belong into api_key')

/** One entry of `upstreams`. */
export const upstreamConfig = z.strictObject({
  kind: z
    .enum(['vllm', 'sglang', 'llama-server', 'openai', 'rewards'])
    .describe(
      'What the engine is; `openai` is any other server that speaks the OpenAI API, `rewards` one that only judges (docs/remote-rewards.md).',
    ),
  urls: z
    .array(root)
    .min(1)
    .max(256)
    .describe('Replicas that serve the same models, such as `http://gpu-1:8000`; a trailing `/v1` is taken off.'),
  api_key: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'a key is printable ASCII without spaces')
    .optional()
    .describe("Sent as `Authorization: Bearer`, in place of the client's own. Take it from the environment."),
  default: z
    .boolean()
    .default(false)
    .describe('Takes what belongs to no model: other routes below `/v1/`. At most one upstream.'),
  affinity_bytes: z
    .int()
    .min(0)
    .max(65_536)
    .default(1024)
    .describe('Requests whose bodies begin with the same bytes prefer the same replica; 0: the least busy one.'),
  deadlines: deadlines.prefault({}).describe('How long what may take.'),
  retries: retries.prefault({}).describe('Repetition of what failed before a reply began.'),
  health: health.prefault({}).describe('Probes of the replicas.'),
  breaker: breaker.prefault({}).describe('Keeps calls away from a replica that keeps failing.'),
})

export type UpstreamConfig = z.output<typeof upstreamConfig>
