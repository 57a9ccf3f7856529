import type { Context } from 'hono'
import type { AppEnvironment } from './gateway.ts'
import { watchSocketClose } from './socket-close.ts'

/** Whether somebody still waits for a reply. */
export interface ClientPresence {
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal
  /** The reader of the reply has left. */
  leave(): void
  /** The request is over: nothing is watched any more. */
  release(): void
}

/** Watches the request's own end and its socket's. */
export function watchClient(context: Context<AppEnvironment>): ClientPresence {
  const gone = new AbortController()
  const leave = () => gone.abort(new DOMException('The client went away.', 'AbortError'))
  // Absent where no socket is: in tests that call the app itself.
  const socket = context.env?.incoming?.socket
  const release = socket === undefined ? () => {} : watchSocketClose(socket, leave)
  return { signal: AbortSignal.any([context.req.raw.signal, gone.signal]), leave, release }
}

/** True when nobody is left to read a reply. */
export function isClientGone(context: Context<AppEnvironment>): boolean {
  return context.req.raw.signal.aborted || context.env?.incoming?.socket.destroyed === true
}
