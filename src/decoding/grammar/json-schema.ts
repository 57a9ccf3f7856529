import { GrammarError } from './grammar-error.ts'
import type { JsonRules } from './json-rules.ts'
import { literals } from './literals.ts'
import type { Part } from './network.ts'
import { arrayPart } from './schema-array.ts'
import { refuseOverlaps } from './schema-disjoint.ts'
import { constraints, isObject, type JsonType, refuseOthers, type Schema, typesOf } from './schema-keywords.ts'
import { numberPart } from './schema-number.ts'
import { objectPart } from './schema-object.ts'
import { resolved } from './schema-reference.ts'
import { stringPart } from './schema-string.ts'
import { isWritable } from './schema-values.ts'

const deepest = 100
const unions = ['anyOf', 'oneOf', 'allOf'] as const

/**
 * A JSON Schema (draft 7 or 2020-12) as rules. Every text they produce is valid against it; a valid value may be writable in
 * more ways than they allow: members come in the order of `properties`, and white space is bounded.
 * Whatever cannot be honoured in full is refused.
 */
export class SchemaCompiler {
  readonly rules: JsonRules
  readonly #root: unknown
  readonly #known = new Map<Schema, number>()
  #depth = 0

  constructor(rules: JsonRules, root: unknown) {
    this.rules = rules
    this.#root = root
  }

  /** @throws GrammarError whose path leads to what cannot be decoded under */
  whole(): Part {
    return this.part(this.#root, '#')
  }

  /** A call of the schema's rule, which is written when it is first met: so a schema may refer to itself. */
  part(schema: unknown, path: string): Part {
    if (schema === true) return this.rules.value
    if (schema === false) throw new GrammarError('false allows no value', path)
    if (!isObject(schema)) throw new GrammarError('a schema is an object or a truth value', path)
    if (schema['$id'] !== undefined && path !== '#')
      throw new GrammarError("'$id' is supported at the root only: it changes what references lead to", path)
    const known = this.#known.get(schema)
    if (known !== undefined) return this.rules.call(known)
    if (++this.#depth > deepest) throw new GrammarError(`it is nested more than ${deepest} deep`, path)
    const rule = this.rules.net.state()
    this.#known.set(schema, rule)
    this.rules.net.define(rule, this.#definition(schema, path))
    this.#depth--
    return this.rules.call(rule)
  }

  #definition(schema: Schema, path: string): Part {
    if (constraints(schema).length === 0) return this.rules.value
    if (schema['$ref'] !== undefined) return this.#reference(schema, path)
    if (schema['const'] !== undefined) return this.#values(schema, [schema['const']], 'const', path)
    if (schema['enum'] !== undefined) return this.#values(schema, schema['enum'], 'enum', path)
    const union = unions.find((key) => schema[key] !== undefined)
    if (union !== undefined) return this.#union(schema, union, path)
    return this.rules.choice(...typesOf(schema, path).map((type) => this.#typed(schema, type, path)))
  }

  #typed(schema: Schema, type: JsonType, path: string): Part {
    switch (type) {
      case 'object':
        return objectPart(this, schema, path)
      case 'array':
        return arrayPart(this, schema, path)
      case 'string':
        return stringPart(this.rules, schema, path)
      case 'number':
      case 'integer':
        return numberPart(this.rules, schema, type === 'integer', path)
      case 'boolean':
        return this.rules.choice(this.rules.literal('true'), this.rules.literal('false'))
      case 'null':
        return this.rules.literal('null')
    }
  }

  #reference(schema: Schema, path: string): Part {
    refuseOthers(schema, ['$ref'], path)
    const reference = schema['$ref']
    return this.part(resolved(this.#root, reference, `${path}/$ref`), String(reference))
  }

  #values(schema: Schema, given: unknown, key: 'const' | 'enum', path: string): Part {
    refuseOthers(schema, ['type', key], path)
    if (!Array.isArray(given) || given.length === 0)
      throw new GrammarError('must be a list of at least one value', `${path}/${key}`)
    const types = schema['type'] === undefined ? undefined : typesOf({ type: schema['type'] }, path)
    const values = types === undefined ? given : given.filter((value) => types.some((type) => isOfType(value, type)))
    if (values.length === 0) throw new GrammarError('no value has the type', `${path}/${key}`)
    if (!values.every(isWritable)) throw new GrammarError('a number is beyond what can be written', `${path}/${key}`)
    return literals(
      this.rules.net,
      values.map((value) => JSON.stringify(value)),
    )
  }

  #union(schema: Schema, key: (typeof unions)[number], path: string): Part {
    refuseOthers(schema, [key], path)
    const members = schema[key]
    const at = `${path}/${key}`
    if (!Array.isArray(members) || members.length === 0)
      throw new GrammarError('must be a list of at least one schema', at)
    if (key === 'allOf' && members.length > 1)
      throw new GrammarError('only one schema is supported here; put them together', at)
    if (key === 'oneOf') refuseOverlaps(members, (one) => this.#followed(one, at), at)
    return this.rules.choice(...members.map((member, i) => this.part(member, `${at}/${i}`)))
  }

  /** What a reference leads to; other schemas as they are. */
  #followed(schema: unknown, at: string): unknown {
    return isObject(schema) && schema['$ref'] !== undefined ? resolved(this.#root, schema['$ref'], at) : schema
  }
}

function isOfType(value: unknown, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}
