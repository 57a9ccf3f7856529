import type { HeaderLookup } from '../keys/key-ring.ts'
import type { RequestEnd, RequestRecord } from '../request-record.ts'

/** What the routes know of tracing; the SDK behind it is loaded only where the configuration asks for traces. */
export interface Tracing {
  /** A request arrived, perhaps as part of its client's trace. */
  begin(route: string, header: HeaderLookup): RequestTrace
  /** Sends what is left. */
  close(): Promise<void>
}

export interface RequestTrace {
  readonly traceId: string
  /** The engine or an upstream is asked. @returns the `traceparent` under which it works */
  handOver(upstream: string | undefined): string
  end(record: RequestRecord, end: RequestEnd): void
}
