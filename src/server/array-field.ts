import { z } from 'zod'
import { parseContext } from './field-wording.ts'
import { jsonSchemaOf } from './json-schema.ts'

interface Bounds {
  readonly min?: number
  readonly max: number
  /** Instead of zod's words when there are fewer than `min`. */
  readonly tooFew?: string
}

/**
 * A list whose length is checked before its members, and its members up to the first mistake: zod's own reports every one of
 * a million wrong members, which takes seconds.
 */
export function arrayField<Item extends z.ZodType>(item: Item, bounds: Bounds) {
  return z
    .unknown()
    .transform((value, context): z.output<Item>[] => {
      if (!Array.isArray(value)) {
        context.issues.push({ code: 'invalid_type', expected: 'array', input: value })
        return z.NEVER
      }
      const { min = 0, max, tooFew } = bounds
      if (value.length > max)
        context.issues.push({ code: 'too_big', origin: 'array', maximum: max, inclusive: true, input: value })
      if (value.length < min) {
        const message = tooFew === undefined ? {} : { message: tooFew }
        context.issues.push({
          code: 'too_small',
          origin: 'array',
          minimum: min,
          inclusive: true,
          input: value,
          ...message,
        })
      }
      return context.issues.length > 0 ? z.NEVER : parseMembers(item, value, context)
    })
    .meta({ type: 'array', items: jsonSchemaOf(item), minItems: bounds.min ?? 0, maxItems: bounds.max })
}

function parseMembers<Item extends z.ZodType>(
  item: Item,
  values: readonly unknown[],
  context: z.core.ParsePayload,
): z.output<Item>[] {
  const members: z.output<Item>[] = []
  for (const [index, value] of values.entries()) {
    const result = item.safeParse(value, parseContext)
    if (result.success) {
      members.push(result.data)
    } else {
      for (const issue of result.error.issues) {
        context.issues.push({ ...issue, path: [index, ...issue.path] } as z.core.$ZodRawIssue)
      }
      return members
    }
  }
  return members
}
