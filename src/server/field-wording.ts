import { z } from 'zod'

/** The words for what zod names after itself: a record, a discriminator, a key that is not among the schema's. */
const fieldWording: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') return unknownField(issue.inst)
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) return oneOf(issue.options)
  if (issue.code === 'invalid_type' && issue.expected === 'record') {
    return `Invalid input: expected object, received ${z.util.parsedType(issue.input)}`
  }
  return undefined
}

/** Every parse whose issues are told to somebody has these: the words, and the input, which tells what is missing. */
export const parseContext = { reportInput: true, error: fieldWording } as const

function unknownField(schema: unknown): string {
  const known = schema instanceof z.ZodObject ? `; known fields: ${Object.keys(schema.shape).join(', ')}` : ''
  return `is not a known field${known}`
}

function oneOf(options: readonly unknown[]): string {
  return `Invalid option: expected one of ${options.map((option) => JSON.stringify(option)).join('|')}`
}
