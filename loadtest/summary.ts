import { quantile } from '../bench/measures/spread.ts'
import type { ReplyLine } from './reply-line.ts'

/** Quantiles in milliseconds; undefined where nothing was measured. */
export interface Quantiles {
  readonly p50: number
  readonly p95: number
  readonly p99: number
}

/** What a group of requests came to. */
export interface GroupSummary {
  readonly name: string
  readonly requests: number
  readonly succeeded: number
  /** Answers and tokens a second, over the time the group took. */
  readonly answersPerSecond: number
  readonly tokensPerSecond: number
  readonly ttft: Quantiles | undefined
  readonly interToken: Quantiles | undefined
  readonly whole: Quantiles | undefined
}

/** @param seconds how long requests of the group were sent */
export function summarise(name: string, replies: readonly ReplyLine[], seconds: number): GroupSummary {
  const answers = replies.filter(({ kind }) => kind === 'ok')
  const tokens = answers.reduce((sum, { generated }) => sum + generated, 0)
  return {
    name,
    requests: replies.length,
    succeeded: answers.length,
    answersPerSecond: answers.length / seconds,
    tokensPerSecond: tokens / seconds,
    ttft: quantilesOf(answers.flatMap(({ text }) => text.slice(0, 1))),
    interToken: quantilesOf(answers.flatMap(({ text }) => gapsOf(text))),
    whole: quantilesOf(answers.map(({ ms }) => ms)),
  }
}

/** How often requests failed, by kind, the commonest first. */
export function failuresByKind(replies: readonly ReplyLine[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { kind } of replies) if (kind !== 'ok') counts.set(kind, (counts.get(kind) ?? 0) + 1)
  return new Map([...counts].sort(([, a], [, b]) => b - a))
}

/** Replies by what `key` says of them, in the order of first appearance. */
export function groupBy(
  replies: readonly ReplyLine[],
  key: (reply: ReplyLine) => string,
): ReadonlyMap<string, readonly ReplyLine[]> {
  const groups = new Map<string, ReplyLine[]>()
  for (const reply of replies) {
    const group = groups.get(key(reply))
    if (group === undefined) groups.set(key(reply), [reply])
    else group.push(reply)
  }
  return groups
}

/** From the sending of the first request to the end of the last. */
export function secondsOf(replies: readonly ReplyLine[]): number {
  const begins = replies.map(({ at, ms }) => at - ms)
  const ends = replies.map(({ at }) => at)
  return (Math.max(...ends) - Math.min(...begins)) / 1000
}

const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((time, i) => time - times[i]!)

function quantilesOf(values: readonly number[]): Quantiles | undefined {
  if (values.length === 0) return undefined
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95), p99: quantile(sorted, 0.99) }
}
