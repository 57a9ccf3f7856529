import type { ServerResponse } from 'node:http'
import { PassThrough, Readable, type Writable } from 'node:stream'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import type { ClientPresence } from './client-presence.ts'
import { headersAhead } from './cross-origin.ts'
import { writeEvents } from './event-stream.ts'
import { settled } from './first-frame.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { eventStreamHeaders } from './sse.ts'
import type { ReplyStream } from './stream-reply.ts'

/**
 * Replies with an event stream; a failure before its first frame still gets its own status.
 * It goes to Node's response itself, without a web stream around every piece of it (docs/decisions/0027).
 */
export async function streamedReply(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  stream: { readonly frames: AsyncGenerator<string>; readonly failure: ReplyStream['failure'] },
  client: ClientPresence,
): Promise<Response> {
  const { keepAliveMs } = gateway.limits
  const record = context.get('record')
  try {
    const { frames, isLate } = await settled(stream.frames, keepAliveMs)
    const write = (outgoing: Writable) =>
      writeEvents(frames, outgoing, {
        keepAliveMs,
        signal: client.signal,
        failure: stream.failure,
        onFailure: (error) => record.failed(error),
        onFault: (error) => gateway.onFault(error, context.get('requestId')),
      })
    const outgoing = context.env?.outgoing as ServerResponse | undefined
    if (outgoing === undefined) return context.body(bodyOf(write, client), 200, eventStreamHeaders)
    outgoing.writeHead(200, Object.fromEntries(headersAhead(context, gateway, eventStreamHeaders)))
    if (isLate) outgoing.flushHeaders()
    await write(outgoing)
    return RESPONSE_ALREADY_SENT
  } finally {
    client.release()
  }
}

/** For tests, which call the app without a server. */
function bodyOf(write: (outgoing: Writable) => Promise<void>, client: ClientPresence): ReadableStream<Uint8Array> {
  const body = new PassThrough()
  body.once('close', client.leave)
  write(body).catch((error: Error) => body.destroy(error))
  return Readable.toWeb(body) as ReadableStream<Uint8Array>
}
