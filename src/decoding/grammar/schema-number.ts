import { decimalRange } from './decimal-range.ts'
import { GrammarError } from './grammar-error.ts'
import type { JsonRules } from './json-rules.ts'
import type { Part } from './network.ts'
import type { Schema } from './schema-keywords.ts'

export function numberPart(rules: JsonRules, schema: Schema, wholeNumbers: boolean, path: string): Part {
  const multiple = schema['multipleOf']
  if (multiple !== undefined && !(multiple === 1 && wholeNumbers))
    throw new GrammarError("'multipleOf' is not supported", path)
  const least = boundOf(schema, 'minimum', path, Number.NEGATIVE_INFINITY)
  const most = boundOf(schema, 'maximum', path, Number.POSITIVE_INFINITY)
  const above = boundOf(schema, 'exclusiveMinimum', path, Number.NEGATIVE_INFINITY)
  const below = boundOf(schema, 'exclusiveMaximum', path, Number.POSITIVE_INFINITY)
  const bounds = {
    least: Math.max(least, above),
    most: Math.min(most, below),
    aboveLeast: above >= least && above > Number.NEGATIVE_INFINITY,
    belowMost: below <= most && below < Number.POSITIVE_INFINITY,
  }
  if (bounds.least === Number.NEGATIVE_INFINITY && bounds.most === Number.POSITIVE_INFINITY)
    return wholeNumbers ? rules.wholeNumber : rules.number
  try {
    return decimalRange(rules, bounds, wholeNumbers)
  } catch (error) {
    if (error instanceof GrammarError && error.path === '') throw new GrammarError(error.message, path)
    throw error
  }
}

function boundOf(schema: Schema, key: string, path: string, otherwise: number): number {
  const value = schema[key]
  if (value === undefined) return otherwise
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new GrammarError('must be a number', `${path}/${key}`)
}
