import { GrammarError } from './grammar-error.ts'
import type { JsonRules } from './json-rules.ts'
import type { Part } from './network.ts'
import { patternString } from './regex-part.ts'
import { countOf, type Schema } from './schema-keywords.ts'

const month = '(?:0[1-9]|1[0-2])'
const day = '(?:0[1-9]|1\\d|2[0-8])'
const date = `\\d{4}-(?:${month}-${day}|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`
const clock = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)'
const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
// eight labels of 30 characters: a host name has 253 at most
const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,28}[A-Za-z0-9])?'
const word = '[A-Za-z0-9_+-]{1,30}'

/** Formats as patterns. Where a format's own grammar is wider, this is the part of it that is in use. */
const formats: Readonly<Record<string, string>> = {
  date: `^${date}$`,
  time: `^${clock}$`,
  'date-time': `^${date}T${clock}$`,
  uuid: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  ipv4: `^${octet}(?:\\.${octet}){3}$`,
  email: `^${word}(?:\\.${word})?@${label}(?:\\.${label}){1,7}$`,
  hostname: `^${label}(?:\\.${label}){0,7}$`,
}

export function stringPart(rules: JsonRules, schema: Schema, path: string): Part {
  const { pattern, format } = schema
  const least = countOf(schema, 'minLength', path, 0)
  const most = countOf(schema, 'maxLength', path, Number.POSITIVE_INFINITY)
  if (least > most) throw new GrammarError('minLength is above maxLength', path)
  if (format !== undefined && !(typeof format === 'string' && Object.hasOwn(formats, format)))
    throw new GrammarError(`only these are supported: ${Object.keys(formats).join(', ')}`, `${path}/format`)
  if (pattern === undefined && format === undefined) return rules.string(least, most)
  if (schema['minLength'] !== undefined || schema['maxLength'] !== undefined)
    throw new GrammarError(`a length beside '${pattern === undefined ? 'format' : 'pattern'}' is not supported`, path)
  // beside a pattern a format is a note, as it always is in JSON Schema itself
  const text = pattern ?? formats[format as string]
  if (typeof text !== 'string') throw new GrammarError('must be a text', `${path}/pattern`)
  try {
    return patternString(rules, text)
  } catch (error) {
    if (error instanceof GrammarError) throw new GrammarError(error.message, `${path}/pattern`)
    throw error
  }
}
