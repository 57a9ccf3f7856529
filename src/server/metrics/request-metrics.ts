import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { doublingBounds } from '../../decoding/bucket-counts.ts'

/** OpenTelemetry's bounds for durations of generative models. */
const durations = doublingBounds(0.01, 14)
export const gapBounds = doublingBounds(0.001, 14)

/** What is counted of requests. Clients choose no label: models, policies and routes are the configuration's. */
export function requestMetrics(registers: Registry[]) {
  return { ...counters(registers), ...histograms(registers) }
}

function counters(registers: Registry[]) {
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name: `trimtab_${name}`, help, labelNames, registers })
  return {
    requests: counter('requests_total', 'Requests below /v1/ that are over.', ['route', 'model', 'policy', 'status']),
    inFlight: new Gauge({ name: 'trimtab_inflight_requests', help: 'Requests under way.', registers }),
    tokens: counter(
      'tokens_total',
      'Tokens: prompt, cached (of the prompt), completion; for aligned requests generated and guide.',
      ['model', 'kind'],
    ),
    errors: counter('errors_total', 'Requests that failed, in a stream too, by the kind of problem.', ['kind']),
    rejected: counter('rejected_total', 'Requests turned away unworked: queue, draining, or a limit of their key.', [
      'reason',
    ]),
    disconnects: counter('client_disconnects_total', 'Requests whose client left before it had everything.'),
    reloads: counter('config_reloads_total', 'SIGHUPs by what came of them: ok, invalid, restart_required.', [
      'result',
    ]),
  }
}

function histograms(registers: Registry[]) {
  const histogram = <Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: readonly number[] = durations,
  ) => new Histogram({ name: `trimtab_${name}`, help, labelNames, buckets: [...buckets], registers })
  return {
    duration: histogram('request_duration_seconds', 'From the head of a request to the end of its reply.', [
      'route',
      'model',
    ]),
    firstToken: histogram('time_to_first_token_seconds', 'From the head of a request to its first text.', ['model']),
    perToken: histogram(
      'time_per_output_token_seconds',
      'Of an answer of the own engine: time after the first text, by the tokens after the first.',
      ['model'],
      gapBounds,
    ),
    overhead: histogram(
      'overhead_seconds',
      'From the head of a request until the engine or an upstream is asked: reading, checking, admitting.',
      ['route'],
      doublingBounds(0.0001, 16),
    ),
  }
}
