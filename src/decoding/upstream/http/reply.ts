import type { Readable } from 'node:stream'
import { errors } from 'undici'
import { failureInBody } from './attempt-failure.ts'
import { TotalDeadlineError } from './call-scope.ts'
import type { UpstreamReply } from './upstream-client.ts'
import { UpstreamError } from './upstream-error.ts'

/** The head of a reply as undici gives it, with raw headers. */
export interface ReplyHead {
  readonly statusCode: number
  readonly statusText: string
  readonly headers: readonly string[]
  readonly body: Readable
}

/** How a reply ended: whole, broken by the upstream, or left by its reader. */
export type ReplyEnd = 'whole' | 'broken' | 'left'

/** `onEnd` is called exactly once, when nothing of the call is left. */
export function openReply(
  upstream: string,
  head: ReplyHead,
  signal: AbortSignal,
  onEnd: (end: ReplyEnd) => void,
): UpstreamReply {
  const { body } = head
  let failure: unknown
  let end: ReplyEnd = 'left'
  body.once('end', () => {
    end = 'whole'
  })
  body.once('error', (cause) => {
    if (signal.aborted) {
      failure = abortReason(upstream, signal)
    } else if (!isOwnCancel(cause)) {
      failure = failureInBody(upstream, cause)
      end = 'broken'
    }
  })
  body.once('close', () => onEnd(end))
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* body
    } catch (cause) {
      throw failure ?? failureInBody(upstream, cause)
    }
  }
  return {
    status: head.statusCode,
    statusText: head.statusText,
    headers: head.headers,
    header: (name) => headerOf(head.headers, name),
    body: { [Symbol.asyncIterator]: chunks },
    async bytes() {
      const pieces: Uint8Array[] = []
      for await (const piece of chunks()) pieces.push(piece)
      return Buffer.concat(pieces)
    },
    cancel: () => void body.destroy(),
  }
}

/** What undici says of a body that was destroyed before its end, by `cancel` or by leaving the loop. */
function isOwnCancel(cause: unknown): boolean {
  return cause instanceof errors.RequestAbortedError
}

/** What an aborted call fails with: the client's own reason, or that its time was over. */
export function abortReason(upstream: string, signal: AbortSignal): unknown {
  if (!(signal.reason instanceof TotalDeadlineError)) return signal.reason
  return new UpstreamError('timeout', upstream, 'did not finish in the time a call may take', { cause: signal.reason })
}

function headerOf(headers: readonly string[], name: string): string | undefined {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() === name) return headers[i + 1]
  }
  return undefined
}
