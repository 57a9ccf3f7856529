import type { ServerResponse } from 'node:http'
import type { MiddlewareHandler } from 'hono'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { clientGoneStatus } from './openai-error.ts'
import { type RequestEnd, RequestRecord } from './request-record.ts'
import { watchSocketClose } from './socket-close.ts'

/** Keeps a record of each request below /v1/ and hands it over when the reply has left, or its client has. */
export function keepRecords(gateway: Gateway): MiddlewareHandler<AppEnvironment> {
  return async (context, next) => {
    const record = new RequestRecord(context.get('requestId'), context.req.method, routeOf(context.req.path))
    context.set('record', record)
    record.trace = gateway.tracing?.begin(record.route, (name) => context.req.header(name))
    gateway.metrics.begin()
    const end = once((ending: Omit<RequestEnd, 'seconds'>) => {
      record.end()
      const whole = { ...ending, seconds: (performance.now() - record.startedAt) / 1000 }
      record.trace?.end(record, whole)
      gateway.onRequestEnd(record, whole)
    })
    const { outgoing } = context.env ?? {}
    if (outgoing === undefined) {
      // Only in tests that call the app without a server.
      await next()
      end({ status: context.res.status, cut: false })
      return
    }
    watchReply(outgoing as ServerResponse, end)
    await next()
  }
}

function watchReply(outgoing: ServerResponse, end: (ending: Omit<RequestEnd, 'seconds'>) => void): void {
  const over = () => {
    release()
    const status = outgoing.headersSent ? outgoing.statusCode : clientGoneStatus
    end({ status, cut: !outgoing.writableFinished })
  }
  // A reply that waits behind another one on its connection is not told that the connection closed.
  const release = watchSocketClose(outgoing.req.socket, () => setImmediate(over))
  outgoing.once('close', over)
}

function once<Argument>(act: (argument: Argument) => void): (argument: Argument) => void {
  let done = false
  return (argument) => {
    if (done) return
    done = true
    act(argument)
  }
}

const known: ReadonlySet<string> = new Set([
  '/v1/chat/completions',
  '/v1/completions',
  '/v1/responses',
  '/v1/rewards',
  '/v1/models',
  '/v1/embeddings',
  '/v1/rerank',
  '/v1/score',
])

/** One of few, so that nobody can make metrics of their own by asking for strange paths. */
function routeOf(path: string): string {
  if (known.has(path)) return path
  return path.startsWith('/v1/models/') ? '/v1/models' : 'other'
}
