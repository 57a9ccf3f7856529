import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import type { RequestEnd, RequestRecord } from '../request-record.ts'
import { operationOf, spanAttributes } from './span-attributes.ts'
import type { RequestTrace } from './tracing.ts'

/** Two spans: the request, and within it the work of the engine or the upstream. */
export class OpenRequestTrace implements RequestTrace {
  readonly #tracer: Tracer
  readonly #request: Span
  #work: Span | undefined

  constructor(tracer: Tracer, request: Span) {
    this.#tracer = tracer
    this.#request = request
  }

  get traceId(): string {
    return this.#request.spanContext().traceId
  }

  handOver(upstream: string | undefined): string {
    const within = trace.setSpan(ROOT_CONTEXT, this.#request)
    const kind = upstream === undefined ? SpanKind.INTERNAL : SpanKind.CLIENT
    const name = upstream === undefined ? 'engine' : `upstream ${upstream}`
    this.#work = this.#tracer.startSpan(name, { kind }, within)
    const { traceId, spanId, traceFlags } = this.#work.spanContext()
    return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
  }

  end(record: RequestRecord, end: RequestEnd): void {
    const operation = operationOf(record.route)
    if (operation !== undefined && record.model !== undefined) this.#request.updateName(`${operation} ${record.model}`)
    this.#request.setAttributes(spanAttributes(record, end))
    if (record.clock?.firstAt !== undefined)
      this.#work?.addEvent('first text', performance.timeOrigin + record.clock.firstAt)
    // A client's own mistakes are no failure of the server's (HTTP conventions).
    const failed = end.status >= 500 || (record.failure !== undefined && end.status < 400)
    for (const span of [this.#work, this.#request]) {
      if (failed) span?.setStatus({ code: SpanStatusCode.ERROR, message: record.failure ?? `status ${end.status}` })
      span?.end()
    }
  }
}
