import { machineText } from '../bench/measures/machine.ts'
import { quantile } from '../bench/measures/spread.ts'
import { number } from '../bench/measures/table.ts'
import type { LoadRun } from './load-run.ts'
import type { LoadTest } from './load-tests.ts'
import { failuresByKind, type GroupSummary, groupBy, type Quantiles, secondsOf, summarise } from './summary.ts'

/** The summaries of a run: all requests, then each group. */
export function summariesOf(run: LoadRun, { groupedBy }: Pick<LoadTest, 'groupedBy'>): GroupSummary[] {
  const groups = groupBy(run.replies, (reply) => reply[groupedBy])
  const whole = groupedBy === 'stage' ? [] : [summarise('all', run.replies, secondsOf(run.replies))]
  // Stages follow one another, methods run side by side.
  const seconds = (replies: LoadRun['replies']) => secondsOf(groupedBy === 'stage' ? replies : run.replies)
  return [...whole, ...[...groups].map(([name, replies]) => summarise(name, replies, seconds(replies)))]
}

/** A run as the part of a page. */
export function loadMarkdown(run: LoadRun, test: LoadTest): string {
  const settings = Object.entries(run.settings).map(([name, value]) => ` --set ${name}=${value}`)
  const facts = `${run.date.slice(0, 10)}, ${machineText(run.machine)}, ${run.loadAtEnd.toFixed(1)} at the end; ${secondsOf(run.replies).toFixed(0)} s:`
  const parts = [facts, `    npm run loadtest -- ${run.test}${settings.join('')}`, table(run, test)]
  return [...parts, failuresText(run), clientText(run), memoryText(run), thresholdsText(run)].join('\n\n')
}

function table(run: LoadRun, test: LoadTest): string {
  const group = test.groupedBy === 'stage' ? 'offered, requests/s' : 'method'
  const head = [group, 'requests', 'answered', 'answers/s', 'tokens/s', 'TTFT, ms', 'between tokens, ms', 'whole, ms']
  const rows = summariesOf(run, test).map((summary) => [
    summary.name,
    String(summary.requests),
    String(summary.succeeded),
    number(summary.answersPerSecond),
    number(summary.tokensPerSecond),
    ...[summary.ttft, summary.interToken, summary.whole].map(quantilesText),
  ])
  const note = 'Times are p50 / p95 / p99. TTFT and times between tokens are the server\'s own, "whole" is k6\'s.'
  return [[head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n'), note].join(
    '\n\n',
  )
}

const quantilesText = (quantiles: Quantiles | undefined): string =>
  quantiles === undefined ? '-' : [quantiles.p50, quantiles.p95, quantiles.p99].map(number).join(' / ')

function failuresText({ replies }: LoadRun): string {
  const kinds = [...failuresByKind(replies)].map(([kind, count]) => `${count} x \`${kind}\``)
  return `Not answered: ${kinds.length === 0 ? 'none' : kinds.join(', ')}.`
}

function clientText({ client: { streams, failures } }: LoadRun): string {
  if (streams.length === 0) return `As a client saw it: no stream was answered; ${failures.length} failed.`
  const of = (values: readonly number[]) => {
    const sorted = values.toSorted((a, b) => a - b)
    return [0.5, 0.95, 0.99].map((q) => number(quantile(sorted, q))).join(' / ')
  }
  const first = of(streams.map(({ firstMs }) => firstMs))
  const gaps = streams.flatMap(({ gapsMs }) => gapsMs)
  const between = gaps.length === 0 ? '-' : of(gaps)
  return `As a client saw it (${streams.length} plain streams, one at a time beside the load, ${failures.length} failed): TTFT ${first} ms, between pieces of text ${between} ms.`
}

function memoryText({ memory }: LoadRun): string {
  const [first, last] = [memory[0]!, memory.at(-1)!]
  const most = { http: Math.max(...memory.map(({ http }) => http)), engine: Math.max(...memory.map((s) => s.engine)) }
  const text = (name: 'http' | 'engine') =>
    `${first[name].toFixed(0)} -> ${last[name].toFixed(0)} (most ${most[name].toFixed(0)})`
  return `Memory, MB: HTTP process ${text('http')}, engine ${text('engine')}.`
}

function thresholdsText({ thresholds }: LoadRun): string {
  return `Thresholds: ${thresholds.map(({ text, met }) => `\`${text}\` ${met ? 'met' : '**missed**'}`).join(', ')}.`
}
