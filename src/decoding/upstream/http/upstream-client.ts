import type { EventSourceMessage } from 'eventsource-parser'
import type { CallCounts } from './call-counters.ts'

/** Milliseconds. */
export interface Deadlines {
  /** Until a connection is made. */
  readonly connectMs: number
  /** From the request to the head of the reply. */
  readonly firstByteMs: number
  /** Between two pieces of the reply. */
  readonly idleMs: number
  /** Over everything, retries included. */
  readonly totalMs: number
}

/** One HTTP request to whichever replica takes it; the client adds the replica's address and the upstream's key. */
export interface UpstreamCall {
  readonly method: string
  /** Path and query below the upstream's root, such as `/v1/completions` or `/health`. */
  readonly path: string
  /** Names and values in turn, as in `rawHeaders` of Node. `authorization` and `host` are the client's own business. */
  readonly headers?: readonly string[]
  /** Sent as these very bytes. */
  readonly body?: Uint8Array | undefined
}

/**
 * Ties calls together: all that carry the same object go to one replica, for as long as that lives (its prefix cache has what the earlier ones
 * computed). Make one object per request of a client.
 */
export interface Affinity {
  /** Requests with equal prefixes prefer the same replica: the beginning of the prompt, or a hash of it. */
  readonly prefix?: string | Uint8Array | undefined
  /** W3C trace context that the calls carry on, where the client's request is traced. */
  readonly traceparent?: string | undefined
}

export interface CallOptions {
  /** Aborting closes the connection at once. The call then rejects with the signal's reason. */
  readonly signal: AbortSignal
  readonly affinity?: Affinity | undefined
  /** Instead of the upstream's own; `connectMs` is fixed when the client is made. */
  readonly deadlines?: Partial<Omit<Deadlines, 'connectMs'>>
  /** Attempts after the first that failed; absent: the upstream's own setting. 0: none. */
  readonly retries?: number
}

/** A reply whose head is here. Its body must be read to the end or cancelled; until then it counts as load of its replica. */
export interface UpstreamReply {
  readonly status: number
  readonly statusText: string
  /** Names and values in turn, in the upstream's order and spelling. */
  readonly headers: readonly string[]
  /** @returns the first value of a header, by its lower-case name */
  header(name: string): string | undefined
  /**
   * The body as it arrives, without decompression.
   * @throws UpstreamError `protocol` when it is cut off, `timeout` when a deadline passes; the signal's reason when aborted
   */
  readonly body: AsyncIterable<Uint8Array>
  /** The whole body; throws like `body`. */
  bytes(): Promise<Uint8Array>
  /** Leaves the rest of the body: the connection is closed and the engine told so. */
  cancel(): void
}

/** How one replica stands; `address` is for logs and `trimtab check`, not for clients. */
export interface ReplicaState {
  readonly address: string
  /** unknown: not probed yet. down: the last probes failed. open: the circuit breaker keeps calls away. */
  readonly status: 'unknown' | 'up' | 'down' | 'open'
  /** Why it is down or open. */
  readonly reason?: string
  /** Calls under way. */
  readonly load: number
}

/** One upstream: a pool of replicas that all serve the same models. */
export interface UpstreamClient {
  readonly name: string
  readonly replicas: readonly ReplicaState[]
  /** Calls under way, probes left out. */
  readonly inFlight: number
  /** What came of its calls so far. */
  readonly counts: CallCounts
  /**
   * The reply of one replica, whatever its status. What fails before the head of a reply (no connection, 502, 503, 504) is tried again, on
   * another replica where there is one, within the retry budget.
   * @throws UpstreamError `unreachable`, `timeout`, `unavailable` or `protocol`; the signal's reason when aborted
   */
  request(call: UpstreamCall, options: CallOptions): Promise<UpstreamReply>
  /**
   * Sends `body` as JSON (a POST; a GET without one) and reads JSON.
   * @throws UpstreamError also for any status but 2xx (`status`) and for what is no JSON (`protocol`)
   */
  json(path: string, body: unknown, options: CallOptions): Promise<unknown>
  /**
   * Sends `body` as JSON and reads server-sent events; leaving the loop closes the connection.
   * @throws UpstreamError as `json` does; `protocol` when the reply is no event stream or is cut off
   */
  events(path: string, body: unknown, options: CallOptions): AsyncGenerator<EventSourceMessage>
  /** Asks every replica now; resolves when all have answered or failed. */
  probe(signal: AbortSignal): Promise<readonly ReplicaState[]>
  /** Stops the probes, aborts what is under way and closes all connections. */
  close(): Promise<void>
}
