import { type AttemptFailure, failureBeforeHead, isCallersFault } from './attempt-failure.ts'
import type { CallScope } from './call-scope.ts'
import type { Replica } from './replica.ts'
import { abortReason, openReply, type ReplyHead } from './reply.ts'
import type { Deadlines, UpstreamCall, UpstreamReply } from './upstream-client.ts'

/** Statuses that say the replica, or what stands before it, cannot serve now; with them another attempt makes sense. */
const unservedStatuses: ReadonlySet<number> = new Set([502, 503, 504])

export type Attempt =
  | { readonly reply: UpstreamReply; readonly unserved: boolean }
  | { readonly failure: AttemptFailure }

/**
 * One call to one replica, counted as its load until the reply has ended, and told to its breaker.
 * @param onEnd nothing of this attempt is left
 * @throws the client's reason when it left; UpstreamError when the total deadline passed
 */
export async function attempt(
  upstream: string,
  replica: Replica,
  call: UpstreamCall & { readonly headers: readonly string[] },
  { signal }: Pick<CallScope, 'signal'>,
  deadlines: Deadlines,
  onEnd: () => void,
): Promise<Attempt> {
  const { breaker } = replica
  replica.load += 1
  breaker.begin()
  const end = () => {
    replica.load -= 1
    onEnd()
  }
  let head: ReplyHead
  try {
    head = await send(replica, call, signal, deadlines)
  } catch (cause) {
    const callersFault = isCallersFault(cause)
    if (signal.aborted || callersFault) breaker.abandon()
    else blame(replica, failureBeforeHead(upstream, cause).error.message)
    end()
    if (callersFault) throw cause
    if (signal.aborted) throw abortReason(upstream, signal)
    return { failure: failureBeforeHead(upstream, cause) }
  }
  const unserved = unservedStatuses.has(head.statusCode)
  // The head decides; a reply that breaks off later is a failure of its own.
  if (unserved) blame(replica, `answered ${head.statusCode}`)
  else breaker.succeed()
  const reply = openReply(upstream, head, signal, (how) => {
    if (how === 'broken') blame(replica, 'broke off in the middle of an answer')
    end()
  })
  return { reply, unserved }
}

function blame(replica: Replica, trouble: string): void {
  replica.trouble = trouble
  replica.breaker.fail()
}

async function send(
  replica: Replica,
  call: UpstreamCall & { readonly headers: readonly string[] },
  signal: AbortSignal,
  { firstByteMs, idleMs }: Deadlines,
): Promise<ReplyHead> {
  const reply = await replica.pool.request({
    path: replica.pathOf(call.path),
    method: call.method as 'POST',
    headers: call.headers as string[],
    body: call.body ?? null,
    signal,
    headersTimeout: firstByteMs,
    bodyTimeout: idleMs,
    responseHeaders: 'raw',
  })
  // Raw headers are a list, which undici's types do not say.
  return { ...reply, headers: reply.headers as unknown as readonly string[] }
}
