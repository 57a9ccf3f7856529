import { z } from 'zod'

/** `metrics` of the configuration. */
export const metricsConfig = z.strictObject({
  access: z
    .enum(['open', 'key', 'off'])
    .default('open')
    .describe('Who may read `/metrics`: everybody, whoever has a key, or nobody.'),
})

/** `logging` of the configuration. */
export const loggingConfig = z.strictObject({
  level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe('The least grave lines that are written.'),
  requests: z.boolean().default(true).describe('One line for every request below /v1/ when it is over.'),
  prompts: z
    .boolean()
    .default(false)
    .describe('Adds what was asked (`messages`, `prompt`) to that line. Answers are never logged.'),
})

/** `tracing` of the configuration. */
export const tracingConfig = z.strictObject({
  endpoint: z
    .url({ protocol: /^https?$/, error: 'a URL is like "http://collector:4318/v1/traces"' })
    .optional()
    .describe('Where traces go, by OTLP over HTTP, such as `http://collector:4318/v1/traces`. Absent: there are none.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Sent with them, such as a key of the collector.'),
  sample_ratio: z
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe("Share of the requests that are traced, where the client's own trace does not decide."),
  service_name: z.string().min(1).default('trimtab').describe('What the traces call this server.'),
})

export type TracingConfig = z.output<typeof tracingConfig>
