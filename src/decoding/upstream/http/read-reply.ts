import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { UpstreamReply } from './upstream-client.ts'
import { UpstreamError } from './upstream-error.ts'

/** As much of a failed reply's body as its error carries. */
const mostErrorBytes = 64 * 1024

/** @throws UpstreamError `status` or `protocol` */
export async function jsonOf(upstream: string, reply: UpstreamReply): Promise<unknown> {
  await refuseFailure(upstream, reply)
  const bytes = await reply.bytes()
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'))
  } catch (cause) {
    throw new UpstreamError('protocol', upstream, 'answered with something that is not JSON', { cause })
  }
}

/** @throws UpstreamError `status` or `protocol` */
export async function* eventsOf(upstream: string, reply: UpstreamReply): AsyncGenerator<EventSourceMessage> {
  await refuseFailure(upstream, reply)
  if (!isEventStream(reply)) {
    reply.cancel()
    throw new UpstreamError('protocol', upstream, 'answered with something that is not an event stream')
  }
  let events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => events.push(event) })
  const decoder = new TextDecoder()
  try {
    for await (const chunk of reply.body) {
      parser.feed(decoder.decode(chunk, { stream: true }))
      const parsed = events
      events = []
      yield* parsed
    }
  } finally {
    reply.cancel()
  }
}

export function isEventStream(reply: UpstreamReply): boolean {
  return /^text\/event-stream\b/i.test(reply.header('content-type') ?? '')
}

async function refuseFailure(upstream: string, reply: UpstreamReply): Promise<void> {
  const { status } = reply
  if (status >= 200 && status < 300) return
  const body = await beginning(reply)
  const retryAfter = Number(reply.header('retry-after') ?? Number.NaN)
  throw new UpstreamError('status', upstream, `answered ${status}`, {
    status,
    body,
    retryAfter: Number.isFinite(retryAfter) ? retryAfter : undefined,
  })
}

async function beginning(reply: UpstreamReply): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of reply.body) {
    pieces.push(piece)
    size += piece.byteLength
    if (size >= mostErrorBytes) break
  }
  return Buffer.concat(pieces).subarray(0, mostErrorBytes).toString('utf8')
}
