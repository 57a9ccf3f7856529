import { UpstreamError, type UpstreamErrorKind } from '../decoding/upstream/http/upstream-error.ts'
import { ApiProblem, type ProblemKind } from './api-problem.ts'

const kinds: Readonly<Record<UpstreamErrorKind, ProblemKind>> = {
  unreachable: 'upstream-unreachable',
  timeout: 'upstream-timeout',
  unavailable: 'upstream-unavailable',
  protocol: 'upstream-broken',
  status: 'upstream-broken',
}

/** The failure of an upstream, which may be busy or still loading, as clients are told it; anything else as it stands. */
export function toUpstreamProblem(error: unknown): unknown {
  if (!(error instanceof UpstreamError)) return error
  const { retryAfter, status } = error
  const kind = status === 429 || status === 503 ? 'upstream-unavailable' : kinds[error.kind]
  return new ApiProblem(kind, error.message, {
    cause: error.cause,
    ...(retryAfter === undefined ? {} : { retryAfter }),
  })
}
