import { ApiProblem, type ProblemKind } from './api-problem.ts'

/** The body of every failed reply, and of the error frame in a stream that was already running. */
export interface OpenAIErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}

export interface OpenAIError {
  readonly status: 400 | 401 | 403 | 404 | 405 | 408 | 413 | 429 | 431 | 500 | 502 | 503 | 504
  readonly headers: Readonly<Record<string, string>>
  readonly body: OpenAIErrorBody
}

/** nginx's number for a client that left; only logs ever see it. */
export const clientGoneStatus = 499

type Row = readonly [status: OpenAIError['status'], type: string, code: string | null]

/** The only place that knows statuses; docs/errors.md explains each row. */
const table: Readonly<Record<ProblemKind, Row>> = {
  'invalid-request': [400, 'invalid_request_error', null],
  unsupported: [400, 'invalid_request_error', 'unsupported_parameter'],
  'invalid-key': [401, 'invalid_request_error', 'invalid_api_key'],
  'not-allowed': [403, 'invalid_request_error', 'not_allowed_for_key'],
  'rate-limited': [429, 'rate_limit_error', 'rate_limit_exceeded'],
  'context-length': [400, 'invalid_request_error', 'context_length_exceeded'],
  'model-not-found': [404, 'invalid_request_error', 'model_not_found'],
  'route-not-found': [404, 'invalid_request_error', 'not_found'],
  'method-not-allowed': [405, 'invalid_request_error', 'method_not_allowed'],
  'body-too-large': [413, 'invalid_request_error', 'request_too_large'],
  'slow-client': [408, 'invalid_request_error', 'client_too_slow'],
  'bad-http': [400, 'invalid_request_error', 'bad_http'],
  'headers-too-large': [431, 'invalid_request_error', 'headers_too_large'],
  'http-timeout': [408, 'invalid_request_error', 'request_timeout'],
  overloaded: [429, 'rate_limit_error', 'rate_limit_exceeded'],
  draining: [503, 'service_unavailable_error', 'shutting_down'],
  'engine-unavailable': [503, 'service_unavailable_error', 'engine_unavailable'],
  'upstream-unreachable': [502, 'server_error', 'upstream_unreachable'],
  'upstream-broken': [502, 'server_error', 'upstream_broken'],
  'upstream-unavailable': [503, 'service_unavailable_error', 'upstream_unavailable'],
  'upstream-timeout': [504, 'server_error', 'upstream_timeout'],
  'reward-failed': [500, 'server_error', 'reward_failed'],
  'engine-error': [500, 'server_error', 'engine_error'],
}

/** Any thrown value as the reply it deserves; what is not an ApiProblem is our own mistake and says nothing of its insides. */
export function toOpenAIError(error: unknown): OpenAIError {
  if (!(error instanceof ApiProblem)) {
    return {
      status: 500,
      headers: {},
      body: { error: { message: 'An internal error occurred.', type: 'server_error', param: null, code: null } },
    }
  }
  const [status, type, code] = table[error.kind]
  const headers = {
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
    ...(error.retryAfter === undefined ? {} : { 'retry-after': String(error.retryAfter) }),
    ...(error.allow === undefined ? {} : { allow: error.allow }),
  }
  return { status, headers, body: { error: { message: error.message, type, param: error.param ?? null, code } } }
}

/** True for failures that belong in the log: ours, an upstream's, and a client that was cut off. */
export function isLogged(error: unknown): boolean {
  if (toOpenAIError(error).status === 500) return true
  return error instanceof ApiProblem && (error.kind === 'slow-client' || error.kind.startsWith('upstream-'))
}
