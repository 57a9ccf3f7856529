import { GrammarError } from './grammar-error.ts'
import type { SchemaCompiler } from './json-schema.ts'
import type { Part } from './network.ts'
import { countOf, pathTo, type Schema } from './schema-keywords.ts'

export function arrayPart(compiler: SchemaCompiler, schema: Schema, path: string): Part {
  const { rules } = compiler
  const first = schema['prefixItems'] ?? []
  if (!Array.isArray(first)) throw new GrammarError('must be a list of schemas', `${path}/prefixItems`)
  const closed = schema['items'] === false
  const least = countOf(schema, 'minItems', path, 0)
  const given = countOf(schema, 'maxItems', path, Number.POSITIVE_INFINITY)
  const most = closed ? Math.min(given, first.length) : given
  if (least > most) throw new GrammarError('minItems is more than there can be', path)
  if (schema['uniqueItems'] !== undefined && schema['uniqueItems'] !== false && most > 1)
    throw new GrammarError("'uniqueItems' is not supported", path)
  const prefix = first.slice(0, most).map((item, i) => compiler.part(item, pathTo(path, 'prefixItems', i)))
  const rest = closed || most <= prefix.length ? undefined : compiler.part(schema['items'] ?? true, `${path}/items`)
  return rules.enclosed('[', new Items(compiler, prefix, rest).between(least, most), ']')
}

class Items {
  readonly #compiler: SchemaCompiler
  readonly #prefix: readonly Part[]
  readonly #rest: Part | undefined

  constructor(compiler: SchemaCompiler, prefix: readonly Part[], rest: Part | undefined) {
    this.#compiler = compiler
    this.#prefix = prefix
    this.#rest = rest
  }

  between(least: number, most: number): Part {
    const { rules } = this.#compiler
    if (most === 0) return (from) => from
    const tail = this.#from(0, least, most)
    return least === 0 ? rules.optional(tail) : tail
  }

  /** The items from `index` on, of which there is at least one. */
  #from(index: number, least: number, most: number): Part {
    const { rules } = this.#compiler
    const item = this.#prefix[index]
    if (item === undefined) return rules.separated(this.#rest!, Math.max(least - index - 1, 0), most - index - 1)
    if (index + 1 >= most || (index + 1 >= this.#prefix.length && this.#rest === undefined)) return item
    const more = rules.sequence(rules.comma, this.#from(index + 1, least, most))
    return rules.sequence(item, least > index + 1 ? more : rules.optional(more))
  }
}
