import { closest, distance } from 'fastest-levenshtein'
import { z } from 'zod'

/** The words for what zod names after itself: a record, a discriminator, a key that is not among the schema's. */
const fieldWording: z.core.$ZodErrorMap = (issue) => {
  if (issue.code === 'unrecognized_keys') return unknownField(issue.inst)
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) return discriminator(issue)
  if (issue.code === 'invalid_type' && issue.expected === 'record') {
    return `Invalid input: expected object, received ${z.util.parsedType(issue.input)}`
  }
  return undefined
}

/** Every parse whose issues are told to somebody has these: the words, and the input, which tells what is missing. */
export const parseContext = { reportInput: true, error: fieldWording } as const

function unknownField(schema: unknown): string {
  const known = schema instanceof z.ZodObject ? `${knownFields}${Object.keys(schema.shape).join(', ')}` : ''
  return `is not a known field${known}`
}

const knownFields = '; known fields: '

/** The message for one unknown field, with the known one that it is probably a misspelling of. */
export function withNearest(message: string, field: string): string {
  const [said = message, known] = message.split(knownFields)
  if (known === undefined || field.length > 64) return message
  const nearest = closest(field, known.split(', '))
  const isNear = distance(field, nearest) <= Math.max(1, Math.floor(field.length / 3))
  return isNear ? `${said} (did you mean '${nearest}'?)${knownFields}${known}` : message
}

/** Of the field that says which of several kinds an object is. */
function discriminator({
  input,
  discriminator: field,
  options,
}: z.core.$ZodRawIssue<z.core.$ZodIssueInvalidUnion>): string {
  const kinds = (options as readonly unknown[]).map((kind) => JSON.stringify(kind)).join('|')
  const isMissing = typeof input === 'object' && input !== null && !Object.hasOwn(input, String(field))
  return isMissing ? `is required: one of ${kinds}` : `Invalid option: expected one of ${kinds}`
}
