import { DiagLogLevel, defaultTextMapGetter, diag, ROOT_CONTEXT, SpanKind, type Tracer } from '@opentelemetry/api'
import { W3CTraceContextPropagator } from '@opentelemetry/core'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { TracingConfig } from '../operations-config.ts'
import { OpenRequestTrace } from './request-trace.ts'
import type { Tracing } from './tracing.ts'

const propagator = new W3CTraceContextPropagator()

/** Sends traces to a collector, in batches beside the requests; what cannot be sent is told to `onTrouble` and dropped. */
export function openTracing(
  { endpoint, headers, sample_ratio, service_name }: TracingConfig & { readonly endpoint: string },
  version: string,
  onTrouble: (message: string) => void,
): Tracing {
  const quiet = () => {}
  const logger = { error: onTrouble, warn: onTrouble, info: quiet, debug: quiet, verbose: quiet }
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true })
  const exporter = new OTLPTraceExporter({ url: endpoint, headers, timeoutMillis: 5000 })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': service_name, 'service.version': version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(sample_ratio) }),
    spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 1000 })],
  })
  return tracingWith(provider.getTracer('trimtab', version), () => provider.shutdown())
}

/** Over any tracer; tests have one of their own. */
export function tracingWith(tracer: Tracer, close: () => Promise<void>): Tracing {
  return {
    begin(route, header) {
      const carrier = { traceparent: header('traceparent'), tracestate: header('tracestate') }
      const parent = propagator.extract(ROOT_CONTEXT, carrier, defaultTextMapGetter)
      return new OpenRequestTrace(tracer, tracer.startSpan(route, { kind: SpanKind.SERVER }, parent))
    },
    close,
  }
}
