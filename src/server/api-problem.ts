/** Everything that can go wrong with a request, by name; openai-error.ts gives each its status. */
export type ProblemKind =
  | 'invalid-request'
  | 'unsupported'
  | 'invalid-key'
  | 'not-allowed'
  | 'rate-limited'
  | 'context-length'
  | 'model-not-found'
  | 'route-not-found'
  | 'method-not-allowed'
  | 'body-too-large'
  | 'slow-client'
  | 'bad-http'
  | 'headers-too-large'
  | 'http-timeout'
  | 'overloaded'
  | 'draining'
  | 'engine-unavailable'
  | 'upstream-unreachable'
  | 'upstream-timeout'
  | 'upstream-unavailable'
  | 'upstream-broken'
  | 'reward-failed'
  | 'engine-error'

export interface ProblemDetail {
  readonly param?: string | undefined
  readonly retryAfter?: number
  readonly allow?: string
  /** For the log alone. */
  readonly cause?: unknown
}

/** A request that ends in an error the client should understand. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem'
  readonly kind: ProblemKind
  /** Path of the field at fault, like `alignment.guides[0].weight`. */
  readonly param: string | undefined
  /** Seconds after which trying again makes sense. */
  readonly retryAfter: number | undefined

  /** Methods that are possible where the one used is not, as the header `Allow` lists them. */
  readonly allow: string | undefined

  constructor(kind: ProblemKind, message: string, detail: ProblemDetail = {}) {
    super(message, { cause: detail.cause })
    this.kind = kind
    this.param = detail.param
    this.retryAfter = detail.retryAfter
    this.allow = detail.allow
  }
}
