import { randomUUID } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'

const valid = /^[\w.:-]{1,128}$/

/** Every reply carries `x-request-id`: the client's own where it is presentable, else a new one. */
export const requestId: MiddlewareHandler = async (context, next) => {
  const inbound = context.req.header('x-request-id')
  const id = inbound !== undefined && valid.test(inbound) ? inbound : `req_${randomUUID().replaceAll('-', '')}`
  context.set('requestId', id)
  context.header('x-request-id', id)
  await next()
}
