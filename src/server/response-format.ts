import { z } from 'zod'
import type { AnswerGrammar } from './engine-messages.ts'

/** A JSON Schema; what of it can be decoded under is the engine's question. */
export const schemaField = z.record(z.string(), z.unknown())

/** What schemas and functions may be called. */
export const nameField = z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')

const named = z.strictObject({
  name: nameField.optional(),
  description: z.string().nullish(),
  schema: schemaField.describe('The answer is valid against it; docs/methods/structured-output.md has the keywords.'),
  strict: z.boolean().nullish().describe('The schema is held to in full either way.'),
})

/** `response_format` of chat completions. */
export const responseFormatField = z
  .discriminatedUnion('type', [
    z.strictObject({ type: z.literal('text') }),
    z.strictObject({ type: z.literal('json_object') }),
    z.strictObject({ type: z.literal('json_schema'), json_schema: named }),
  ])
  .describe('What the answer is: any text, any JSON object, or JSON by a schema.')

/** `text.format` of responses. */
export const textFormatField = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('text') }),
  z.strictObject({ type: z.literal('json_object') }),
  named.extend({ type: z.literal('json_schema') }),
])

/** Undefined where the answer may be any text. */
export function grammarOfFormat(format: z.output<typeof responseFormatField> | undefined): AnswerGrammar | undefined {
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') return { spec: { type: 'json-object' }, param: 'response_format' }
  const { schema } = format.json_schema
  return { spec: { type: 'json-schema', schema }, param: 'response_format.json_schema.schema' }
}

/** The same, of responses. */
export function grammarOfTextFormat(format: z.output<typeof textFormatField> | undefined): AnswerGrammar | undefined {
  if (format === undefined || format.type === 'text') return undefined
  if (format.type === 'json_object') return { spec: { type: 'json-object' }, param: 'text.format' }
  return { spec: { type: 'json-schema', schema: format.schema }, param: 'text.format.schema' }
}
