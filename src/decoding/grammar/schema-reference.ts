import { GrammarError } from './grammar-error.ts'
import { isObject, type Schema } from './schema-keywords.ts'

/**
 * What a reference within a schema leads to.
 * @param at where the reference stands
 * @throws GrammarError for a reference to elsewhere or to nothing
 */
export function resolved(root: unknown, reference: unknown, at: string): unknown {
  if (typeof reference !== 'string' || !/^#(\/|$)/.test(reference))
    throw new GrammarError('only references within the schema are supported, such as "#/$defs/name"', at)
  const steps = reference.split('/').slice(1)
  const found = steps.reduce<unknown>((from, step) => {
    const name = decoded(step, at)
    return (isObject(from) || Array.isArray(from)) && Object.hasOwn(from, name) ? (from as Schema)[name] : undefined
  }, root)
  if (found === undefined) throw new GrammarError(`there is nothing at ${reference}`, at)
  return found
}

function decoded(step: string, at: string): string {
  try {
    return decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
  } catch (error) {
    if (error instanceof URIError) throw new GrammarError('a % in a reference begins two hexadecimal digits', at)
    throw error
  }
}
