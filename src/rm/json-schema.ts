import { Ajv, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Reward } from './reward.ts'
import { RewardError } from './reward-error.ts'
import { plainVerdict, ruleReward } from './reward-verdicts.ts'
import { limitMs, TimeLimitError, withinTimeLimit } from './time-limit.ts'

export type JsonSchema = Readonly<Record<string, unknown>>

// `format` is an annotation, as the 2020 dialect has it by default; unknown keywords are mistakes of the configuration
const options = { strict: true, strictTypes: false, strictTuples: false, strictRequired: false, validateFormats: false }

/**
 * 1 for an answer that is JSON (nothing before or behind it but white space) and valid, 0.5 for other JSON, 0 for what is none.
 * @throws Error at once for a schema that cannot be compiled
 */
export function jsonSchemaReward(name: string, schema: JsonSchema): Reward {
  const validate = compileSchema(schema)
  return ruleReward(name, { partial: false, range: [0, 1] }, () => ({ text }) => {
    const parsed = parseJson(text)
    if (parsed === undefined) return plainVerdict(0)
    return plainVerdict(isValid(name, validate, parsed.value) ? 1 : 0.5)
  })
}

/** A schema's patterns backtrack, and `uniqueItems` compares all pairs: what they cost is the answer's choice. */
function isValid(name: string, validate: ValidateFunction, value: unknown): boolean {
  try {
    return withinTimeLimit(() => validate(value))
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error
    throw new RewardError(name, `validating an answer took over ${limitMs} ms; simplify the schema.`)
  }
}

/** Draft 7 where the schema says so, otherwise 2020-12. */
export function compileSchema(schema: JsonSchema): ValidateFunction {
  const dialect = schema['$schema']
  const ajv = typeof dialect === 'string' && dialect.includes('draft-07') ? new Ajv(options) : new Ajv2020(options)
  return ajv.compile(schema)
}

function parseJson(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
