import { GrammarError } from './grammar-error.ts'
import type { SchemaCompiler } from './json-schema.ts'
import type { Part } from './network.ts'
import { otherString } from './other-string.ts'
import { isObject, pathTo, type Schema } from './schema-keywords.ts'

interface Property {
  readonly part: Part
  readonly required: boolean
}

/** Members in the order of `properties`; where others are allowed as well, they come behind those. */
export function objectPart(compiler: SchemaCompiler, schema: Schema, path: string): Part {
  const { rules } = compiler
  const properties = schema['properties'] ?? {}
  if (!isObject(properties)) throw new GrammarError('must be an object', `${path}/properties`)
  const required = requiredOf(schema, path)
  const others = schema['additionalProperties']
  const unnamed = [...required].filter((name) => !Object.hasOwn(properties, name))
  if (others === false && unnamed.length > 0)
    throw new GrammarError(`'${unnamed[0]}' is required, but not among the properties`, `${path}/required`)
  const named = [
    ...Object.entries(properties).map(([name, one]) => [name, one, pathTo(path, 'properties', name)] as const),
    ...unnamed.map((name) => [name, others ?? true, `${path}/additionalProperties`] as const),
  ]
  const members = named.map(([name, one, at]): Property => {
    const part = rules.member(rules.literal(JSON.stringify(name)), compiler.part(one, at))
    return { part, required: required.has(name) }
  })
  const names = named.map(([name]) => name)
  // properties without a word about others: no others, or no answer would ever be sure to end
  const open = others === undefined ? names.length === 0 : others !== false
  const key = names.length === 0 ? rules.string() : otherString(rules, names)
  const other = open ? rules.member(key, compiler.part(others ?? true, `${path}/additionalProperties`)) : undefined
  return rules.enclosed('{', inOrder(compiler, members, other), '}')
}

function requiredOf(schema: Schema, path: string): ReadonlySet<string> {
  const required = schema['required'] ?? []
  if (!Array.isArray(required) || required.some((name) => typeof name !== 'string'))
    throw new GrammarError('must be a list of names', `${path}/required`)
  return new Set(required)
}

/** Two states before each property: with nothing written yet, and with something, so that a comma is due. */
function inOrder({ rules }: SchemaCompiler, properties: readonly Property[], other: Part | undefined): Part {
  return (from) => {
    const { net } = rules
    let [bare, begun]: [number, number] = [net.state(), net.state()]
    net.skip(from, bare)
    for (const { part, required } of properties) {
      const [nextBare, nextBegun] = [net.state(), net.state()]
      net.skip(part(bare), nextBegun)
      net.skip(rules.sequence(rules.comma, part)(begun), nextBegun)
      if (!required) {
        net.skip(bare, nextBare)
        net.skip(begun, nextBegun)
      }
      bare = nextBare
      begun = nextBegun
    }
    if (other !== undefined) {
      net.skip(other(bare), begun)
      begun = rules.star(rules.sequence(rules.comma, other))(begun)
    }
    const end = net.state()
    net.skip(bare, end)
    net.skip(begun, end)
    return end
  }
}
