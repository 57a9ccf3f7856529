/**
 * unreachable: no connection, or one that was closed before the reply began. timeout: a deadline passed. status: the engine answered, but not
 * with success. protocol: the answer is not what the engine's format says, or was cut off in its middle. unavailable: nobody was asked, since
 * every replica failed too often just now.
 */
export type UpstreamErrorKind = 'unreachable' | 'timeout' | 'status' | 'protocol' | 'unavailable'

export interface UpstreamErrorDetail {
  readonly cause?: unknown
  /** Of `status`: what the engine answered. */
  readonly status?: number
  /** Of `status`: the body it answered with, as text, at most its first 64 KiB. */
  readonly body?: string
  /** Seconds after which the engine, or the circuit breaker, says that trying again makes sense. */
  readonly retryAfter?: number | undefined
}

/** A call to an upstream engine that did not give what was asked. The message names the upstream and never its address or key. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly kind: UpstreamErrorKind
  readonly upstream: string
  readonly status: number | undefined
  readonly body: string | undefined
  readonly retryAfter: number | undefined

  constructor(kind: UpstreamErrorKind, upstream: string, message: string, detail: UpstreamErrorDetail = {}) {
    super(`The upstream '${upstream}' ${message}.`, { cause: detail.cause })
    this.kind = kind
    this.upstream = upstream
    this.status = detail.status
    this.body = detail.body
    this.retryAfter = detail.retryAfter
  }
}
