import type { Registry } from 'prom-client'
import type { Distribution } from '../../decoding/bucket-counts.ts'
import type { RewardCounts } from '../../rm/metered-rewards.ts'
import type { EngineState } from '../engine.ts'
import type { EngineReport } from '../engine-messages.ts'
import { type MetricDefinition, readMetric, type Sample } from './read-metric.ts'

type Read = (report: EngineReport) => number | Distribution

const definitions: readonly (readonly [MetricDefinition['type'], name: string, help: string, read: Read])[] = [
  ['gauge', 'running_sequences', 'Sequences that have their place in memory.', ({ running }) => running],
  ['gauge', 'queue_depth', 'Sequences that wait for room.', ({ waiting }) => waiting],
  ['histogram', 'queue_wait_seconds', 'Time that sequences waited for room.', ({ queueSeconds }) => queueSeconds],
  ['counter', 'steps_total', 'Steps of the loop.', ({ steps }) => steps],
  ['histogram', 'step_seconds', 'What a step took.', ({ stepSeconds }) => stepSeconds],
  ['histogram', 'rows_per_step', 'Rows, guides included, of a decoding step.', ({ rowsPerStep }) => rowsPerStep],
  ['counter', 'decoded_rows_total', 'Rows decoded, guides included.', ({ decodedRows }) => decodedRows],
  ['counter', 'prefilled_tokens_total', 'Prompt tokens computed.', ({ prefilledTokens }) => prefilledTokens],
  ['counter', 'prefix_cache_queries_total', 'Tokens of admitted prompts.', ({ promptTokens }) => promptTokens],
  [
    'counter',
    'prefix_cache_hits_total',
    'Of these, the ones the prefix cache knew.',
    ({ cachedTokens }) => cachedTokens,
  ],
  ['gauge', 'kv_usage_ratio', 'K/V memory of live sequences or kept for them.', ({ blocks }) => usage(blocks)],
  ['gauge', 'resident_memory_bytes', 'Memory of the engine process.', ({ residentBytes }) => residentBytes],
]

/** K/V blocks that are used or promised, by all there are; what the prefix cache alone holds can be had at any time. */
function usage({ total, live, reserved }: EngineReport['blocks']): number {
  return total === 0 ? 0 : (live + reserved) / total
}

/** The engine process's counters as metrics; they begin anew with every process. `latest` is undefined while there is none. */
export function registerEngineMetrics(
  registry: Registry,
  state: () => EngineState,
  latest: () => EngineReport | undefined,
): void {
  for (const [type, name, help, read] of definitions)
    readMetric(registry, { type, name: `trimtab_engine_${name}`, help: `Engine: ${lowerFirst(help)}` }, () => {
      const report = latest()
      return report === undefined ? [] : [{ value: read(report) }]
    })
  const gauge = (name: string, help: string, read: () => readonly Sample[]) =>
    readMetric(registry, { type: 'gauge', name, help }, read)
  gauge('trimtab_engine_up', '1 while the own engine takes requests; absent without one.', () => {
    const { status } = state()
    return status === 'absent' ? [] : [{ value: status === 'ready' ? 1 : 0 }]
  })
  gauge('trimtab_engine_memory_ceiling_bytes', 'What the engine process may hold; absent without a ceiling.', () => {
    const { memoryCeilingBytes } = state()
    return memoryCeilingBytes === undefined ? [] : [{ value: memoryCeilingBytes }]
  })
  gauge('trimtab_engine_kv_blocks', 'K/V blocks by state.', () =>
    Object.entries(latest()?.blocks ?? {}).map(([kind, value]) => ({ labels: { state: kind }, value })),
  )
  const restarts = {
    type: 'counter',
    name: 'trimtab_engine_restarts_total',
    help: 'Times the engine process was started again.',
  } as const
  readMetric(registry, restarts, () => [{ value: state().restarts }])
  registerRewardMetrics(registry, latest)
}

function registerRewardMetrics(registry: Registry, latest: () => EngineReport | undefined): void {
  const perReward = (
    type: MetricDefinition['type'],
    name: string,
    help: string,
    read: (counts: RewardCounts) => Sample['value'],
  ) =>
    readMetric(registry, { type, name: `trimtab_reward_${name}`, help }, () =>
      Object.entries(latest()?.rewards ?? {}).map(([reward, counts]) => ({ labels: { reward }, value: read(counts) })),
    )
  perReward('counter', 'calls_total', 'Times a reward was asked.', ({ calls }) => calls)
  perReward('counter', 'answers_total', 'Answers it judged, beginnings included.', ({ answers }) => answers)
  perReward('counter', 'failures_total', 'Times it failed or gave no number.', ({ failures }) => failures)
  perReward('counter', 'seconds_total', 'Time from question to verdicts, waiting included.', ({ seconds }) => seconds)
  perReward('histogram', 'score', 'Scores it gave.', ({ scores }) => scores)
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1)
