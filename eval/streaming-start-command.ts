import { atLeast, verdictOf } from './bar.ts'
import type { Run } from './draw-run.ts'
import { type Interval, meanInterval, shareInterval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { particlesOf } from './particle-settings.ts'
import { type Policy, policy } from './policy.ts'
import { drawStreamingChart } from './streaming-chart.ts'
import { type Task, worth } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface StreamingStartOptions extends TaskRunOptions {
  /** Only these of `settings`; absent: all. */
  readonly settings?: readonly Setting[]
  readonly out: string
  readonly name: string
}

/** How soon particles show text. */
export interface StreamingStart {
  readonly task: Task
  readonly setting: string
  /** Share of runs whose first text came before half of the answer was decoded. */
  readonly early: Interval
  /** The same of the answers longer than two checkpoints; of shorter ones half is decoded at the first. */
  readonly earlyOfLong: Interval
  /** Every run's tokens decoded at its first text, as a share of its answer's. */
  readonly starts: readonly number[]
  readonly worth: Interval
}

const every = 8

/** Every setting draws 4 particles, judged every 8 tokens; they differ in how readily one of them is left. */
export const settings = {
  usual: ['as elsewhere here', {}],
  always: ['ess_threshold 1', { ess_threshold: 1 }],
  multinomial: ['ess_threshold 1, multinomial', { ess_threshold: 1, resampler: 'multinomial' }],
  strong: ['ess_threshold 1, lambda 100', { ess_threshold: 1, lambda: 100 }],
} as const

export type Setting = keyof typeof settings

/** When particles begin to stream, with n = 4 and resample_every = 8. */
export async function streamingStartCommand(options: StreamingStartOptions): Promise<void> {
  const { samples, seed, settings: wanted = Object.keys(settings) as Setting[], out, name } = options
  const run = await openTaskRun(options)
  try {
    const plans = run.tasks.map((task) => ({ task, policies: wanted.map((key) => population(task, key)) }))
    const drawn = await run.draw(plans)
    const found = run.tasks.flatMap((task, i) => wanted.map((key) => startOf(task, key, drawn[i]!)))
    const json = { samples, seed, found: found.map(({ task, ...start }) => ({ task: task.name, ...start })) }
    writeResults(out, { name, markdown: table(found), json, svg: await drawStreamingChart(found) })
  } finally {
    await run.model.close()
  }
}

function population(task: Task, setting: Setting): Policy {
  const [text, own] = settings[setting]
  return policy(`4 particles every 8, ${text}`, particlesOf(task, 4, { at: 'tokens', resample_every: every, ...own }))
}

function startOf(task: Task, setting: Setting, runs: Runs): StreamingStart {
  const all = runs.get(population(task, setting).name)!
  const starts = all.map(startShare)
  const long = starts.filter((_, i) => all[i]!.tokens > 2 * every)
  return {
    task,
    setting: settings[setting][0],
    early: shareInterval(starts.map((start) => start < 0.5)),
    earlyOfLong: shareInterval(long.map((start) => start < 0.5)),
    starts,
    worth: meanInterval(all.map((run, i) => worth(task, { text: run.text, reward: run.reward ?? 0 }, i))),
  }
}

/** An answer without text, or one of a single piece at its end, starts with its end. */
export const startShare = ({ firstTextAt, tokens }: Pick<Run, 'firstTextAt' | 'tokens'>): number =>
  firstTextAt === undefined || tokens === 0 ? 1 : Math.min(1, firstTextAt / tokens)

function table(found: readonly StreamingStart[]): string {
  const rows = found.map(({ task, setting, early, earlyOfLong, worth }) => [
    task.name,
    setting,
    showInterval(early, 3),
    verdictOf(atLeast(0.8, '', early)),
    showInterval(earlyOfLong, 3),
    showInterval(worth, 3),
  ])
  return markdownTable(
    [
      'task',
      'particles',
      'first text before half of the answer (bar 0.8)',
      'verdict',
      'of answers longer than 16 tokens',
      'worth of the answers',
    ],
    rows,
  )
}
