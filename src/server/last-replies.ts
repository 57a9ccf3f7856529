import type { MiddlewareHandler } from 'hono'
import type { AppEnvironment, Gateway } from './gateway.ts'

/** While the server goes down no reply keeps its connection: the client's next request shall go to a server that stays. */
export function lastReplies(gateway: Gateway): MiddlewareHandler<AppEnvironment> {
  return async (context, next) => {
    await next()
    // Hono would make a response of its own of one that has been sent
    if (gateway.isDraining() && context.env?.outgoing?.headersSent !== true) context.header('connection', 'close')
  }
}
