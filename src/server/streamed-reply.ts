import type { Context } from 'hono'
import type { ClientPresence } from './client-presence.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { eventStream, eventStreamHeaders } from './sse.ts'
import type { ReplyStream } from './stream-reply.ts'

/** Replies with an event stream; a failure before its first frame still gets its own status. */
export async function streamedReply(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  stream: { readonly frames: AsyncGenerator<string>; readonly failure: ReplyStream['failure'] },
  client: ClientPresence,
): Promise<Response> {
  const { keepAliveMs } = gateway.limits
  const record = context.get('record')
  try {
    const body = eventStream(await settled(stream.frames, keepAliveMs), {
      keepAliveMs,
      signal: client.signal,
      onCancel: client.leave,
      onEnd: client.release,
      failure: stream.failure,
      onFailure: (error) => record.failed(error),
      onFault: (error) => gateway.onFault(error, context.get('requestId')),
    })
    return context.body(body, 200, eventStreamHeaders)
  } catch (error) {
    client.release()
    throw error
  }
}

/**
 * The same frames, once the first is there: a failure until then still gets its own status.
 * After `patienceMs` the stream starts anyway, so that comments can keep a long wait alive.
 */
async function settled(frames: AsyncGenerator<string>, patienceMs: number): Promise<AsyncIterator<string>> {
  const first = frames.next()
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, patienceMs)
  })
  try {
    await Promise.race([first, patience])
  } finally {
    clearTimeout(timer)
  }
  let pending: typeof first | undefined = first
  return {
    next: () => {
      const next = pending ?? frames.next()
      pending = undefined
      return next
    },
  }
}
