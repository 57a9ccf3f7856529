import { errors } from 'undici'
import { UpstreamError, type UpstreamErrorKind } from './upstream-error.ts'

/** Whether a failed attempt may be made again: at any replica, only at another one, or not at all. */
export type Repetition = 'anywhere' | 'elsewhere' | 'never'

export interface AttemptFailure {
  readonly error: UpstreamError
  readonly repetition: Repetition
}

type Row = readonly [kind: UpstreamErrorKind, message: string, repetition: Repetition]

const closed: Row = ['unreachable', 'closed the connection before it answered', 'anywhere']

/** By the code of the error: undici's, the system's or OpenSSL's. */
const beforeHead: Readonly<Record<string, Row>> = {
  UND_ERR_CONNECT_TIMEOUT: ['timeout', 'accepted no connection in time', 'anywhere'],
  UND_ERR_HEADERS_TIMEOUT: ['timeout', 'did not begin to answer in time', 'elsewhere'],
  UND_ERR_SOCKET: closed,
  ECONNRESET: closed,
  EPIPE: closed,
  UND_ERR_HEADERS_OVERFLOW: ['protocol', 'answered with more headers than can be read', 'elsewhere'],
}

/** What an attempt that brought no head of a reply died of. */
export function failureBeforeHead(upstream: string, cause: unknown): AttemptFailure {
  const code = codeOf(cause)
  const [kind, message, repetition] =
    beforeHead[code] ??
    (cause instanceof errors.HTTPParserError
      ? (['protocol', 'answered with something that is not HTTP', 'elsewhere'] as const)
      : (['unreachable', 'cannot be reached', 'anywhere'] as const))
  return { error: new UpstreamError(kind, upstream, message, { cause }), repetition }
}

/** What a reply died of whose head had come. */
export function failureInBody(upstream: string, cause: unknown): UpstreamError {
  if (codeOf(cause) === 'UND_ERR_BODY_TIMEOUT') {
    return new UpstreamError('timeout', upstream, 'fell silent in the middle of its answer', { cause })
  }
  return new UpstreamError('protocol', upstream, 'broke off in the middle of its answer', { cause })
}

/** True for mistakes in the call itself: no replica is to blame for them. */
export function isCallersFault(cause: unknown): boolean {
  return ['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'].includes(codeOf(cause))
}

function codeOf(cause: unknown): string {
  if (!(cause instanceof Error)) return ''
  if ('code' in cause && typeof cause.code === 'string') return cause.code
  // Several addresses were tried and all failed.
  return cause instanceof AggregateError ? codeOf(cause.errors[0]) : ''
}
