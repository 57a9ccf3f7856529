import type { Attributes } from '@opentelemetry/api'
import type { RequestEnd, RequestRecord } from '../request-record.ts'

const operations: Readonly<Record<string, string>> = {
  '/v1/chat/completions': 'chat',
  '/v1/responses': 'chat',
  '/v1/completions': 'text_completion',
  '/v1/embeddings': 'embeddings',
}

/** OpenTelemetry's `gen_ai.operation.name`; undefined for routes that generate nothing. */
export const operationOf = (route: string): string | undefined => operations[route]

/** Names of the GenAI conventions where they have one, else `trimtab.*`. Neither prompts nor answers are among them. */
export function spanAttributes(record: RequestRecord, { status }: RequestEnd): Attributes {
  const { usage, alignment, clock, startedAt } = record
  return {
    'http.request.method': record.method,
    'http.route': record.route,
    'http.response.status_code': status,
    'gen_ai.operation.name': operationOf(record.route),
    'gen_ai.provider.name': 'trimtab',
    'gen_ai.request.model': record.model,
    'gen_ai.request.stream': record.streamed,
    'gen_ai.response.time_to_first_chunk':
      clock?.firstAt === undefined ? undefined : (clock.firstAt - startedAt) / 1000,
    'gen_ai.usage.input_tokens': usage?.promptTokens,
    'gen_ai.usage.output_tokens': usage?.completionTokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cachedTokens,
    'error.type': record.failure,
    'trimtab.request_id': record.id,
    'trimtab.key': record.key,
    'trimtab.policy': record.policies.length === 0 ? undefined : record.policies.join('+'),
    'trimtab.method': alignment?.method,
    'trimtab.cost': record.cost,
    'trimtab.upstream': record.upstream,
    'trimtab.tokens.generated': alignment?.tokens.generated,
    'trimtab.tokens.guide': alignment?.tokens.guide,
    'trimtab.reward_calls': alignment?.tokens.rewardCalls,
  }
}
