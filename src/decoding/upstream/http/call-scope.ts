/** Why a call is given up that its client still wants. */
export class TotalDeadlineError extends Error {
  override readonly name = 'TotalDeadlineError'
}

/** How long a call may last: until its client leaves or its time is over. */
export interface CallScope {
  /** Aborted with the client's own reason, or with a TotalDeadlineError. */
  readonly signal: AbortSignal
  /** Nothing is watched any more. */
  end(): void
}

/** Written out instead of AbortSignal.any and .timeout, whose signals stay in memory until collected: a busy server has thousands a second. */
export function openScope(client: AbortSignal, totalMs: number): CallScope {
  const controller = new AbortController()
  const leave = () => controller.abort(client.reason)
  if (client.aborted) leave()
  client.addEventListener('abort', leave, { once: true })
  // Its connection keeps the process alive as long as that is needed.
  const timer = setTimeout(() => controller.abort(new TotalDeadlineError()), totalMs).unref()
  return {
    signal: controller.signal,
    end() {
      clearTimeout(timer)
      client.removeEventListener('abort', leave)
    },
  }
}
