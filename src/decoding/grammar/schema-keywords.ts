import { GrammarError } from './grammar-error.ts'

/** A JSON Schema that is an object; its keywords have been looked at by nobody yet. */
export type Schema = Readonly<Record<string, unknown>>

export const jsonTypes = ['object', 'array', 'string', 'number', 'integer', 'boolean', 'null'] as const
export type JsonType = (typeof jsonTypes)[number]

/** Keywords that describe and constrain nothing. */
const notes: ReadonlySet<string> = new Set([
  ...['title', 'description', 'default', 'example', 'examples', 'deprecated', 'readOnly', 'writeOnly'],
  ...['$schema', '$id', '$comment', '$defs', 'definitions'],
])

const keywordsOf: Readonly<Record<JsonType, readonly string[]>> = {
  object: ['properties', 'required', 'additionalProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  integer: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
  boolean: [],
  null: [],
}

const typed: ReadonlySet<string> = new Set(['type', ...Object.values(keywordsOf).flat()])

/** The keywords that constrain something. */
export const constraints = (schema: Schema): readonly string[] =>
  Object.keys(schema).filter((key) => !notes.has(key) && !key.startsWith('x-') && schema[key] !== undefined)

/**
 * Refuses keywords beside those that are honoured.
 * @throws GrammarError naming the first one
 */
export function refuseOthers(schema: Schema, honoured: readonly string[], path: string): void {
  const other = constraints(schema).find((key) => !honoured.includes(key))
  if (other === undefined) return
  const known = typed.has(other) || ['anyOf', 'oneOf', 'allOf', 'enum', 'const', '$ref'].includes(other)
  const beside = honoured.filter((key) => key !== 'type').join("', '")
  throw new GrammarError(known ? `'${other}' beside '${beside}' is not supported` : `'${other}' is not supported`, path)
}

/**
 * The types of a schema without `$ref`, `enum` and unions; of one without `type`, the types its keywords are about.
 * @throws GrammarError for a keyword that is unknown or not supported, and for types that do not exist
 */
export function typesOf(schema: Schema, path: string): readonly JsonType[] {
  const unknown = constraints(schema).find((key) => !typed.has(key))
  if (unknown !== undefined) throw new GrammarError(`'${unknown}' is not supported`, path)
  const given = schema['type']
  if (given === undefined) return impliedTypes(schema)
  const types = Array.isArray(given) ? (given as readonly unknown[]) : [given]
  for (const type of types)
    if (!jsonTypes.some((known) => known === type))
      throw new GrammarError(`the type ${JSON.stringify(type)} does not exist`, `${path}/type`)
  if (types.length === 0) throw new GrammarError('there must be at least one type', `${path}/type`)
  const found = [...new Set(types as readonly JsonType[])]
  return found.includes('number') ? found.filter((type) => type !== 'integer') : found
}

function impliedTypes(schema: Schema): readonly JsonType[] {
  const about = (['object', 'array', 'string', 'number'] as const).filter((type) =>
    keywordsOf[type].some((key) => schema[key] !== undefined),
  )
  return about.length > 0 ? about : jsonTypes.filter((type) => type !== 'integer')
}

/** @throws GrammarError when the keyword is there and is no whole number of at least 0 */
export function countOf(schema: Schema, key: string, path: string, otherwise: number): number {
  const value = schema[key]
  if (value === undefined) return otherwise
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value
  throw new GrammarError('must be a whole number of at least 0', `${path}/${key}`)
}

export const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A JSON pointer that goes on. */
export const pathTo = (path: string, ...steps: readonly (string | number)[]): string =>
  [path, ...steps.map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
