import { z } from 'zod'
import type { UpstreamError } from './upstream-error.ts'

const errorBody = z.union([
  z.looseObject({ error: z.looseObject({ message: z.string() }) }).transform(({ error }) => error.message),
  z.looseObject({ error: z.string() }).transform(({ error }) => error),
  z.looseObject({ message: z.string() }).transform(({ message }) => message),
])

/** What the upstream says is wrong with the call. Of its own failures and of keys it may say more than clients should know. */
export function upstreamSays({ status, body }: UpstreamError): string {
  if (status === undefined || ![400, 404, 413, 422].includes(status) || body === undefined) return ''
  const found = errorBody.safeParse(jsonOf(body))
  return found.success ? `It says: ${found.data.slice(0, 300)}` : ''
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
