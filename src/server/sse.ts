import { isLogged } from './openai-error.ts'

/** How long nothing may be sent before a comment keeps proxies and clients from giving up. */
export interface EventStreamOptions {
  readonly keepAliveMs: number
  /** The client went away while the stream was read. */
  readonly onCancel: () => void
  /** Nothing more will be read of `frames`: they have ended or failed, or the stream was cancelled. */
  readonly onEnd: () => void
  /** Aborted when the request is over for whatever reason, also when nobody ever reads the stream. */
  readonly signal: AbortSignal
  /** The stream ends in an error frame. */
  readonly onFailure: (error: unknown) => void
  readonly onFault: (error: unknown) => void
  /** The frame that tells a failure. */
  readonly failure: (error: unknown) => string
}

const encoder = new TextEncoder()
const keepAlive = encoder.encode(': keep-alive\n\n')

/**
 * A server-sent event stream of ready-made frames; a failure becomes a frame of its own, never a silent end.
 * Written against ReadableStream because Hono's streamSSE sends a bare message for a thrown error, which no client can parse.
 */
export function eventStream(frames: AsyncIterator<string>, options: EventStreamOptions): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  let cancelled = false
  const hush = () => clearInterval(timer)
  // Node keeps signals that are made of others alive for as long as somebody listens
  const end = () => {
    hush()
    options.signal.removeEventListener('abort', hush)
    options.onEnd()
  }
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // a client that does not read needs no comments, and they must not pile up for it
      const remind = () => (controller.desiredSize ?? 0) > 0 && controller.enqueue(keepAlive)
      timer = setInterval(remind, options.keepAliveMs)
      options.signal.addEventListener('abort', hush, { once: true })
      if (options.signal.aborted) hush()
    },
    async pull(controller) {
      try {
        const { done, value } = await frames.next()
        if (cancelled) return
        if (!done) {
          controller.enqueue(encoder.encode(value))
          if (!options.signal.aborted) timer?.refresh()
          return
        }
      } catch (error) {
        if (cancelled) return
        if (!options.signal.aborted) options.onFailure(error)
        if (!options.signal.aborted && isLogged(error)) options.onFault(error)
        controller.enqueue(encoder.encode(options.failure(error)))
      }
      end()
      if (!cancelled) controller.close()
    },
    cancel() {
      cancelled = true
      options.onCancel()
      end()
    },
  })
}

/** The headers of an event stream; `x-accel-buffering` keeps nginx from holding it back. */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const

/** A frame of the stream. */
export function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** A comment: clients skip it, people and proxies see that something is going on. */
export const commentFrame = (message: string): string => `: ${message.replaceAll(/[\r\n]+/g, ' ')}\n\n`

/** What OpenAI clients take as the end of a complete answer. */
export const doneFrame = 'data: [DONE]\n\n'
