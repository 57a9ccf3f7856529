import type { Logger } from 'pino'
import { requestMessage } from './open-log.ts'
import type { RequestEnd, RequestRecord } from './request-record.ts'

/** One line for a request that is over; what was asked is in it only where the configuration says so. */
export function logRequest(
  log: Logger,
  record: RequestRecord,
  end: RequestEnd,
  { prompts }: { readonly prompts: boolean },
): void {
  const prompt = prompts ? { prompt: asked(record.prompt) } : {}
  log.info({ ...requestLine(record, end), ...prompt }, requestMessage)
}

/** What is undefined is not written. */
function requestLine(record: RequestRecord, { status, seconds, cut }: RequestEnd): object {
  const { usage, alignment, clock, startedAt } = record
  return {
    requestId: record.id,
    traceId: record.trace?.traceId,
    key: record.key,
    method: record.method,
    route: record.route,
    status,
    model: record.model,
    policy: record.policies.length === 0 ? undefined : record.policies.join('+'),
    upstream: record.upstream,
    streamed: record.streamed,
    ms: milliseconds(seconds * 1000),
    firstTokenMs: clock?.firstAt && milliseconds(clock.firstAt - startedAt),
    promptTokens: usage?.promptTokens,
    cachedTokens: usage?.cachedTokens,
    completionTokens: usage?.completionTokens,
    generatedTokens: alignment?.tokens.generated,
    aligned: alignment?.method,
    cost: record.cost,
    failure: record.failure,
    clientLeft: cut || undefined,
  }
}

/** A body that passed through is shown as it came, as far as a line can hold. */
const asked = (prompt: unknown) => (Buffer.isBuffer(prompt) ? prompt.toString('utf8', 0, 16_384) : prompt)

const milliseconds = (value: number) => Math.round(value * 10) / 10
