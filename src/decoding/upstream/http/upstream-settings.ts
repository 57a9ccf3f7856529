import type { Deadlines } from './upstream-client.ts'

/** What the engine behind an upstream is: decides its health route, and which formats its adapter speaks. */
export type UpstreamKind = 'vllm' | 'sglang' | 'llama-server' | 'openai' | 'rewards'

/** One upstream of the configuration, in milliseconds and with its key at hand. */
export interface UpstreamSettings {
  readonly name: string
  readonly kind: UpstreamKind
  /** Roots of the replicas: routes such as `/v1/completions` are appended to them. */
  readonly roots: readonly string[]
  /** Sent as `Authorization: Bearer`. */
  readonly apiKey: string | undefined
  readonly deadlines: Deadlines
  readonly retries: RetrySettings
  readonly health: HealthSettings
  readonly breaker: BreakerSettings
  /** Bytes at the beginning of a passed-through body that decide which replica it prefers; 0: whichever has least to do. */
  readonly affinityBytes: number
}

export interface RetrySettings {
  /** Most attempts after the first of one call. */
  readonly attempts: number
  /** Retries per call that the upstream as a whole may make, in the long run. */
  readonly ratio: number
  /** Retries it may make at once, before the ratio counts. */
  readonly reserve: number
  /** Wait before the first retry on the same replica; doubles. */
  readonly backOffMs: number
}

export interface HealthSettings {
  readonly path: string
  readonly everyMs: number
  readonly timeoutMs: number
  /** Failed probes in a row that take a replica out. */
  readonly failures: number
}

export interface BreakerSettings {
  /** Failed calls in a row that open the breaker of a replica. */
  readonly failures: number
  /** How long it stays open before one call may try again. */
  readonly openMs: number
}
