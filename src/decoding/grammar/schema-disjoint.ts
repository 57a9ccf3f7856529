import { GrammarError } from './grammar-error.ts'
import { isObject, type JsonType, jsonTypes, type Schema } from './schema-keywords.ts'

/**
 * `oneOf` forbids what two of its schemas allow, which no grammar can subtract: so they must evidently share nothing, being
 * of different types, of different values, or objects told apart by the value of a required property.
 * @throws GrammarError
 */
export function refuseOverlaps(members: readonly unknown[], follow: (schema: unknown) => unknown, path: string): void {
  const schemas = members.map(follow)
  for (const [i, one] of schemas.entries())
    for (const [j, other] of schemas.entries())
      if (i < j && !areApart(one, other, follow))
        throw new GrammarError(`the schemas ${i} and ${j} may share values; if that is meant, write anyOf`, path)
}

function areApart(one: unknown, other: unknown, follow: (schema: unknown) => unknown): boolean {
  if (!isObject(one) || !isObject(other)) return false
  if (differInValue(one, other)) return true
  const objects = [one, other].every((schema) => possibleTypes(schema).join() === 'object')
  const shared = requiredNames(one).filter((name) => requiredNames(other).includes(name))
  return objects && shared.some((name) => differInValue(propertyOf(one, name, follow), propertyOf(other, name, follow)))
}

function differInValue(one: unknown, other: unknown): boolean {
  if (!isObject(one) || !isObject(other)) return false
  const [values, others] = [valuesOf(one), valuesOf(other)]
  if (values !== undefined && others !== undefined) return values.every((value) => !others.includes(value))
  const otherTypes = possibleTypes(other)
  return possibleTypes(one).every((type) => !otherTypes.includes(type))
}

function propertyOf({ properties }: Schema, name: string, follow: (schema: unknown) => unknown): unknown {
  return follow(isObject(properties) ? properties[name] : undefined)
}

const requiredNames = ({ required }: Schema): readonly string[] => (Array.isArray(required) ? required : [])

/** The values of `const` and `enum` as texts. */
function valuesOf(schema: Schema): readonly string[] | undefined {
  const values = schema['const'] !== undefined ? [schema['const']] : schema['enum']
  return Array.isArray(values) ? values.map((value) => JSON.stringify(value)) : undefined
}

function possibleTypes(schema: Schema): readonly JsonType[] {
  const values = valuesOf(schema)
  if (values !== undefined) return [...new Set(values.map((value) => typeOf(JSON.parse(value))))]
  const type = schema['type']
  const types = (Array.isArray(type) ? type : type === undefined ? jsonTypes : [type]) as readonly JsonType[]
  // a whole number is a number
  return types.map((one) => (one === 'integer' ? 'number' : one))
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value as JsonType
}
