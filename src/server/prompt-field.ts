import { z } from 'zod'
import { jsonSchemaOf } from './json-schema.ts'

const mostPrompts = 128

/** Checked by hand, first mistake first: a union in zod tries a million token ids as texts before it tries them as ids. */
export type PromptField = string | readonly string[] | readonly number[] | readonly (readonly number[])[]

const ids = z.array(z.int().min(0)).min(1)
const documented = z.union([
  z.string(),
  z.array(z.string()).min(1).max(mostPrompts),
  ids,
  z.array(ids).min(1).max(mostPrompts),
])

/** A text, several texts, the token ids of one prompt, or of several. */
export const promptField = z
  .unknown()
  .transform((value, context): PromptField => {
    const fault = promptFault(value)
    if (fault === undefined) return value as PromptField
    const [path, message] = fault
    // Without a message of ours, zod's wording tells a missing prompt from a wrong one.
    if (message === undefined)
      context.issues.push({
        code: 'invalid_type',
        expected: 'string',
        input: value,
        message: 'expected string or array',
      })
    else context.issues.push({ code: 'custom', path: [...path], message, input: value })
    return z.NEVER
  })
  .meta(jsonSchemaOf(documented))

type Fault = readonly [path: readonly number[], message: string | undefined]

function promptFault(value: unknown): Fault | undefined {
  if (typeof value === 'string') return undefined
  if (!Array.isArray(value)) return [[], undefined]
  if (value.length === 0) return [[], 'there must be at least one prompt or token']
  if (typeof value[0] === 'number') return idsFault(value, [])
  if (value.length > mostPrompts) return [[], `there are ${value.length} prompts; at most ${mostPrompts} are possible`]
  if (Array.isArray(value[0])) return listsFault(value)
  const wrong = value.findIndex((text) => typeof text !== 'string')
  return wrong < 0 ? undefined : [[wrong], 'expected string']
}

function listsFault(lists: readonly unknown[]): Fault | undefined {
  for (const [index, list] of lists.entries()) {
    if (!Array.isArray(list) || list.length === 0) return [[index], 'must be a list of at least one token id']
    const fault = idsFault(list, [index])
    if (fault !== undefined) return fault
  }
  return undefined
}

function idsFault(list: readonly unknown[], path: readonly number[]): Fault | undefined {
  const wrong = list.findIndex((id) => !Number.isSafeInteger(id) || (id as number) < 0)
  return wrong < 0 ? undefined : [[...path, wrong], 'must be a token id, a whole number of at least 0']
}
