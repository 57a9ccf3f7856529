import { availableParallelism } from 'node:os'
import { z } from 'zod'
import { alignmentOptions } from '../guidance/alignment-options.ts'
import { rewardOptions } from '../rm/reward-options.ts'
import { byteSizePattern, parseByteSize } from './byte-size.ts'
import { keyConfig } from './keys/key-config.ts'
import { loggingConfig, metricsConfig, tracingConfig } from './operations-config.ts'
import { upstreamConfig } from './upstream-config.ts'

const name = z.string().regex(/^[\w][\w.:/-]{0,127}$/, 'names are letters, digits and . _ : / -')

const byteSize = z.union([z.int().positive(), z.string().regex(byteSizePattern, 'a size is like "512MiB" or "4GiB"')])

/** The default comes after the transform in the schema, so it is given in bytes; `text` shows in the reference. */
function size(text: string) {
  return byteSize.default(text).transform((value) => (typeof value === 'number' ? value : parseByteSize(value)))
}

const server = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Address to listen on. 0.0.0.0 opens the server to the network: give `keys` then.'),
  port: z.int().min(0).max(65535).default(8080).describe('Port to listen on; 0 takes a free one.'),
  playground: z.boolean().default(true).describe('Serve the playground at `/`.'),
  body_limit: size('2MiB').describe(
    'Largest request body; larger ones are refused (413) without being read to the end.',
  ),
  max_n: z.int().min(1).max(128).default(32).describe('Most choices of one request, over all its prompts.'),
  default_max_tokens: z
    .int()
    .min(1)
    .default(1024)
    .describe(
      'Most tokens of a chat answer whose request names no limit; never more than what is left of the context.',
    ),
  max_in_flight_cost: z
    .int()
    .min(1)
    .optional()
    .describe(
      'Most sequences that all requests under way may hold together, those that pass through to upstreams too: one with 8 particles counts 8. More is refused (429). Absent: only the engines bound what they take.',
    ),
  max_held_logprobs: z
    .int()
    .min(1)
    .default(500_000)
    .describe(
      'Most log-probabilities of one reply that wait in memory for its end: choices x tokens x (1 + `top_logprobs`) unless streamed, and as many for each traced token as the trace lists.',
    ),
  stream_buffer: size('16MiB').describe(
    'How much of a stream may wait for a client that reads too slowly; with more, its request is ended.',
  ),
  stall_seconds: z
    .number()
    .positive()
    .default(60)
    .describe(
      'A client that takes nothing of what waits for it for this long, or up to twice as long, is cut off. Silence of the server does not count.',
    ),
  keep_alive_seconds: z.number().positive().default(10).describe('A silent stream gets an SSE comment this often.'),
  cors_origins: z
    .array(
      z
        .string()
        .regex(/^(\*|https?:\/\/[^/]+)$/, 'an origin is like "https://app.example.com", without a path; "*" is all'),
    )
    .default([])
    .describe('Origins whose pages may call the API from browsers; `*` for all. Empty: none but our own.'),
  drain_seconds: z
    .number()
    .min(0)
    .default(30)
    .describe('How long requests in flight may finish after SIGTERM or SIGINT.'),
})

const engine = z
  .strictObject({
    memory: size('4GiB').describe('Bound on K/V memory over all models.'),
    memory_ceiling: byteSize
      .optional()
      .transform((value) => (typeof value === 'string' ? parseByteSize(value) : value))
      .describe(
        'Most memory that the engine process may hold in all: K/V memory, weights and what computing takes. Beyond it requests are refused (429), and where it does not come down the process is started again: docs/operations.md. Absent: no bound but the machine.',
      ),
    threads: z
      .int()
      .min(1)
      .max(1024)
      .optional()
      .describe(`Threads that compute. Absent: one per core that the process may use.`),
    max_running: z
      .int()
      .min(1)
      .default(64)
      .describe('Most requests decoded together, and most rows of one step; choices beyond it take turns.'),
    max_waiting: z.int().min(0).default(256).describe('Most sequences waiting for room; one more is refused (429).'),
    prefill_budget: z.int().min(1).default(512).describe('Prompt tokens read per step beside the decoding sequences.'),
    silence_seconds: z
      .number()
      .positive()
      .default(60)
      .describe('A busy engine that says nothing for this long is ended and started again; its requests get a 503.'),
    cache: z
      .string()
      .optional()
      .describe('Folder of prepared graphs and pulled models. Absent: the user cache folder.'),
  })
  .refine(({ memory, memory_ceiling: ceiling }) => ceiling === undefined || ceiling > memory, {
    path: ['memory_ceiling'],
    error: 'must be above engine.memory (4GiB unless given): K/V memory is only a part of what the process holds',
  })

const localModel = z.strictObject({
  path: z.string().min(1).describe('A folder in Hugging Face layout (relative to this file), or a hub id.'),
  weights: z.enum(['int8', 'fp32', 'w8a8', 'int4']).default('int8').describe('Format the weights are held in.'),
  context: z
    .int()
    .min(2)
    .optional()
    .describe("Most tokens of prompt and answer. Absent, or larger: the checkpoint's own limit."),
  served: z.boolean().default(true).describe('Whether clients may name it; false for models that only guide.'),
})

const trainedGuide = z.strictObject({
  kind: z.enum(['genarm', 'unir']).describe('genarm: an autoregressive reward model. unir: a reasoning module.'),
  adapter: z
    .string()
    .min(1)
    .optional()
    .describe('PEFT LoRA folder (relative to this file): the guide is its base with this adapter.'),
  base: name.optional().describe('The model the adapter belongs to. Absent: the only served model.'),
  model: name.optional().describe('A model of `models`: the guide is that model. Give either this or `adapter`.'),
  template: z
    .enum(['own', 'base'])
    .default('base')
    .describe(
      "base: the guide reads the base's prompt, token for token. own: it reads the messages through its own chat template.",
    ),
})

const contrastGuide = z.strictObject({
  contrast: z
    .tuple([name, name])
    .describe('[tuned, untuned]: two models, or trained guides, by name; the guide is their difference.'),
})

const principleGuide = z.strictObject({
  principle: z.string().min(1).describe('An instruction; the guide is the base given it, minus the base.'),
})

const objective = z
  .strictObject({
    guide: name.optional().describe('The guide that tilts tokens towards this objective.'),
    reward: name
      .optional()
      .describe('The reward that judges answers by it, for best_of and particles without a reward.'),
    scale: z
      .number()
      .default(1)
      .describe("Multiplies the request's preference into the guide's and the reward's weight."),
  })
  .refine(({ guide, reward }) => guide !== undefined || reward !== undefined, 'give a guide, a reward, or both')

const alias = z.strictObject({
  model: name.describe('The served model behind the alias.'),
  policy: name.describe('The policy that applies when this name is asked for.'),
})

const upstreamModel = z.strictObject({
  upstream: name.describe('The upstream of `upstreams` that serves it.'),
  name: z
    .string()
    .min(1)
    .optional()
    .describe('What the upstream calls it. Absent: the same, and the bytes of requests go through unchanged.'),
  tokenizer: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Folder with the model's tokenizer.json (relative to this file; config.json, generation_config.json and the chat template belong there too). With it, aligned requests are steered over the upstream: docs/upstreams-guidance.md.",
    ),
  served: z.boolean().default(true).describe('Whether clients may name it.'),
})

/** The YAML file; the command line is parsed into the same shape. Unknown keys are refused. */
export const configSchema = z.strictObject({
  server: server.prefault({}).describe('The HTTP side.'),
  engine: engine.prefault({}).describe('The process that decodes.'),
  models: z
    .record(name, z.union([localModel, upstreamModel]))
    .describe('Models by the name clients use: run by the own engine, or served by an upstream.'),
  upstreams: z.record(name, upstreamConfig).default({}).describe('Engines elsewhere, by name: docs/upstreams.md.'),
  guides: z
    .record(name, z.union([trainedGuide, contrastGuide, principleGuide]))
    .default({})
    .describe('What requests may steer with, by name.'),
  objectives: z.record(name, objective).default({}).describe("What a request's `preferences` weigh."),
  rewards: z.record(name, rewardOptions).default({}).describe('What requests may judge answers with, by name.'),
  policies: z.record(name, alignmentOptions).default({}).describe("Named presets of the request's `alignment` object."),
  aliases: z.record(name, alias).default({}).describe('Further model names, each a model with a policy.'),
  keys: z
    .record(name, keyConfig)
    .default({})
    .describe('Who may use the API, by name; without any, everybody: docs/operations.md.'),
  metrics: metricsConfig.prefault({}).describe('Prometheus metrics at `/metrics`: docs/operations.md.'),
  logging: loggingConfig.prefault({}).describe('JSON lines on stderr.'),
  tracing: tracingConfig.prefault({}).describe('OpenTelemetry traces; off unless an endpoint is given.'),
})

export type Config = z.output<typeof configSchema>
export type ConfigInput = z.input<typeof configSchema>

/** Threads to compute with when the configuration names none. */
export function threadsOf(config: Config): number {
  return config.engine.threads ?? availableParallelism()
}
