import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { AppEnvironment, Gateway } from './gateway.ts'

const told = ['limit', 'remaining', 'reset'].flatMap((what) =>
  ['requests', 'tokens'].map((of) => `x-ratelimit-${what}-${of}`),
)

/** Lets pages of the configured origins read replies; without any, browsers keep them from all pages but our own. */
export function crossOrigin(gateway: Gateway): MiddlewareHandler<AppEnvironment> {
  const allow = cors({
    origin: (origin) => {
      const { corsOrigins } = gateway
      if (corsOrigins.includes('*')) return '*'
      return corsOrigins.includes(origin) ? origin : null
    },
    allowMethods: ['GET', 'POST'],
    exposeHeaders: ['x-request-id', 'retry-after', 'x-trimtab-upstream', ...told],
    maxAge: 600,
  })
  return (context, next) => (gateway.corsOrigins.length === 0 ? next() : allow(context, next))
}

/** The headers of a reply that is written to the socket before the middleware is done: what is added only behind the handler (`Vary` by Hono, `Connection`) too. */
export function headersAhead(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  own: Readonly<Record<string, string>> = {},
): Headers {
  // not those of `context.res`, which would be merged with the response that is returned
  const { headers } = context.body(null, 200, own)
  if (gateway.corsOrigins.length > 0) headers.append('vary', 'Origin')
  if (gateway.isDraining()) headers.set('connection', 'close')
  return headers
}
