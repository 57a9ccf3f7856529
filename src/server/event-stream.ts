import type { Writable } from 'node:stream'
import { drained } from './drained.ts'
import { isLogged } from './openai-error.ts'
import { commentFrame } from './sse.ts'

export interface EventStreamOptions {
  /** How long nothing may be sent before a comment keeps proxies and clients from giving up. */
  readonly keepAliveMs: number
  /** Aborted when nobody reads any more; `frames` end then too. */
  readonly signal: AbortSignal
  /** The frame that tells a failure. */
  readonly failure: (error: unknown) => string
  /** The stream ends in an error frame. */
  readonly onFailure: (error: unknown) => void
  readonly onFault: (error: unknown) => void
}

const keepAlive = commentFrame('keep-alive')

/**
 * Writes ready-made frames as fast as their reader takes them and ends `outgoing`; a failure becomes a frame of its own, never a silent end.
 * Our own because Hono's streamSSE sends a bare message for a thrown error, which no client can parse.
 */
export async function writeEvents(
  frames: AsyncIterable<string>,
  outgoing: Writable,
  { keepAliveMs, signal, failure, onFailure, onFault }: EventStreamOptions,
): Promise<void> {
  // a client that does not read needs no comments, and they must not pile up for it
  const timer = setInterval(() => !outgoing.writableNeedDrain && outgoing.write(keepAlive), keepAliveMs)
  try {
    for await (const text of frames) {
      const takesMore = outgoing.write(text)
      timer.refresh()
      if (!takesMore) await drained(outgoing, signal)
    }
  } catch (error) {
    if (signal.aborted) return
    onFailure(error)
    if (isLogged(error)) onFault(error)
    outgoing.write(failure(error))
  } finally {
    clearInterval(timer)
    outgoing.end()
  }
}
