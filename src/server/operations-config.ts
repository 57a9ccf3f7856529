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
