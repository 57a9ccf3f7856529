import { z } from 'zod'

const most = 100
const mostEntries = 16_384

/** By hand, up to the first mistake: a vocabulary's worth of entries takes zod half a second. */
export const logitBiasField = z
  .unknown()
  .transform((value, context): Readonly<Record<string, number>> => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      context.issues.push({ code: 'invalid_type', expected: 'record', input: value })
      return z.NEVER
    }
    const entries = Object.entries(value)
    if (entries.length > mostEntries) {
      const message = `has ${entries.length} members; at most ${mostEntries} are possible`
      context.issues.push({ code: 'custom', message, input: value })
      return z.NEVER
    }
    for (const [id, bias] of entries) {
      const message = entryFault(id, bias)
      if (message === undefined) continue
      context.issues.push({ code: 'custom', path: [id], message, input: bias })
      return z.NEVER
    }
    return value as Readonly<Record<string, number>>
  })
  .meta({
    type: 'object',
    propertyNames: { pattern: '^(0|[1-9]\\d{0,8})$' },
    maxProperties: mostEntries,
    additionalProperties: { type: 'number', minimum: -most, maximum: most },
  })

function entryFault(id: string, bias: unknown): string | undefined {
  if (!/^\d{1,9}$/.test(id)) return 'keys are token ids'
  // "1" and "01" would be one token with two biases, of which one were ignored.
  if (id.length > 1 && id.startsWith('0')) return `keys are token ids without leading zeros: write "${Number(id)}"`
  if (typeof bias !== 'number' || Number.isNaN(bias)) return 'invalid input: expected number'
  if (bias > most) return `too big: expected number to be <=${most}`
  if (bias < -most) return `too small: expected number to be >=-${most}`
  return undefined
}
