import { GrammarError } from './grammar-error.ts'
import { isObject, type JsonType, jsonTypes, type Schema } from './schema-keywords.ts'
import { canonicalJson } from './schema-values.ts'

/** Each is compared with each. */
const mostSchemas = 128

/**
 * `oneOf` forbids what two of its schemas allow, which no grammar can subtract: so they must evidently share nothing, being
 * of different types, of different values, or objects told apart by the value of a required property.
 * @throws GrammarError
 */
export function refuseOverlaps(members: readonly unknown[], follow: (schema: unknown) => unknown, path: string): void {
  if (members.length > mostSchemas)
    throw new GrammarError(`at most ${mostSchemas} schemas can be compared with one another`, path)
  const outlines = members.map((member) => outlineOf(follow(member), follow))
  for (const [i, one] of outlines.entries())
    for (const [j, other] of outlines.entries())
      if (i < j && !areApart(one, other))
        throw new GrammarError(`the schemas ${i} and ${j} may share values; if that is meant, write anyOf`, path)
}

/** What is evident of the values that a schema allows: at most these. */
interface Outline {
  readonly values: ReadonlySet<string> | undefined
  readonly types: ReadonlySet<JsonType>
  /** Of each required property that is described. */
  readonly required: ReadonlyMap<string, Outline>
}

const anything: Outline = { values: undefined, types: typesIn({}), required: new Map() }

function outlineOf(schema: unknown, follow: (schema: unknown) => unknown): Outline {
  if (!isObject(schema)) return anything
  const { required, properties } = schema
  const names = Array.isArray(required) && isObject(properties) ? required : []
  const described = names.filter((name) => Object.hasOwn(properties as Schema, name))
  const outlines = described.map((name) => [name, flatOutline(follow((properties as Schema)[name]))] as const)
  return { ...flatOutline(schema), required: new Map(outlines) }
}

function flatOutline(schema: unknown): Outline {
  if (!isObject(schema)) return anything
  const given = schema['const'] !== undefined ? [schema['const']] : schema['enum']
  if (!Array.isArray(given)) return { values: undefined, types: typesIn(schema), required: new Map() }
  return { values: new Set(given.map(canonicalJson)), types: new Set(given.map(typeOf)), required: new Map() }
}

function areApart(one: Outline, other: Outline): boolean {
  if (differ(one, other)) return true
  if (![one, other].every(({ types }) => types.size === 1 && types.has('object'))) return false
  return [...one.required].some(([name, outline]) => {
    const beside = other.required.get(name)
    return beside !== undefined && differ(outline, beside)
  })
}

function differ(one: Outline, other: Outline): boolean {
  const { values } = other
  if (one.values !== undefined && values !== undefined) return [...one.values].every((value) => !values.has(value))
  return [...one.types].every((type) => !other.types.has(type))
}

/** The types that a schema without values may have; a whole number is a number. */
function typesIn({ type }: Schema): ReadonlySet<JsonType> {
  const types = (Array.isArray(type) ? type : type === undefined ? jsonTypes : [type]) as readonly JsonType[]
  return new Set(types.map((one) => (one === 'integer' ? 'number' : one)))
}

function typeOf(value: unknown): JsonType {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value as JsonType
}
