import type { Context, MiddlewareHandler } from 'hono'
import type { AppEnvironment, Gateway } from '../gateway.ts'
import { LimitProblem } from './caller.ts'
import type { Demand } from './demand.ts'

/** Lets in whoever has a key, where keys are configured, and counts their requests. */
export function checkKey(gateway: Gateway): MiddlewareHandler<AppEnvironment> {
  return async (context, next) => {
    const caller = gateway.keys.identify((name) => context.req.header(name))
    if (caller !== undefined) {
      context.set('caller', caller)
      context.get('record').key = caller.name
      limited(context, () => caller.countRequest())
    }
    await next()
  }
}

/**
 * Takes what a request asks for off the server's limit and its key's, until the request is over.
 * @throws ApiProblem
 */
export function admit(context: Context<AppEnvironment>, gateway: Gateway, demand: Demand): void {
  const record = context.get('record')
  record.cost = demand.cost
  record.atEnd(gateway.load.take(demand.cost, gateway.limits.inFlightCost))
  const caller = context.get('caller')
  if (caller === undefined) return
  const admission = limited(context, () => caller.admit(demand))
  record.atEnd(() => admission.release(record.usedTokens))
}

/** The headers tell how the limits stand, whether the request was let through or not. */
function limited<Result>(context: Context<AppEnvironment>, act: () => Result): Result {
  try {
    return act()
  } catch (error) {
    if (error instanceof LimitProblem) context.get('record').limit = error.limit
    throw error
  } finally {
    for (const [name, value] of Object.entries(context.get('caller')?.headers() ?? {})) context.header(name, value)
  }
}
