import { type BestOfTask, drawBestOfChart } from './best-of-chart.ts'
import { type BestOfPoint, bestOfPoint, placement } from './best-of-curve.ts'
import type { Run } from './draw-run.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { type Policy, policy } from './policy.ts'
import { judgedBy, type Task, worth } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface BestOfCommandOptions extends TaskRunOptions {
  /** Independent answers of the base to each prompt, from which the curves come. */
  readonly pool: number
  readonly sizes: readonly number[]
  readonly out: string
  readonly name: string
}

/** Best-of-N's reward and KL against n, beside what the base's own samples say they have to be. */
export async function bestOfCommand(options: BestOfCommandOptions): Promise<void> {
  const { pool, sizes, samples, seed, out, name } = options
  const run = await openTaskRun(options)
  try {
    const hasRule = run.model.engine.rewards.has(sumsRule)
    const tasks = run.tasks.map((task) => (task.name === 'sums' && hasRule ? judgedBy(task, sumsRule) : task))
    const plans = tasks.map((task) => ({
      task,
      policies: [poolOf(task, pool), ...sizes.map((n) => bestOf(task, n))],
    }))
    const drawn = await run.draw(plans)
    const measured = tasks.map((task, i) => ({ task, points: sizes.map((n) => pointOf(task, n, drawn[i]!, pool)) }))
    const json = { samples, pool, seed, tasks: measured.map(({ task, points }) => ({ ...titles(task), points })) }
    writeResults(out, { name, markdown: measured.map(table).join('\n\n'), json, svg: await drawBestOfChart(measured) })
  } finally {
    await run.model.close()
  }
}

/** Judges sums here: it has few levels, so its law's KL lies far below the bound; the trained rewards have no ties. */
const sumsRule = 'sound-steps'

/** Independent of every best-of-n that is measured. */
const poolStream = 1000

export const poolOf = ({ reward }: Task, n: number): Policy =>
  policy(`pool of ${n} by ${reward}`, { best_of: { n, reward } }, { stream: poolStream })

const bestOf = ({ reward }: Task, n: number): Policy =>
  policy(`best of ${n} by ${reward}`, { best_of: { n, reward } }, { stream: n })

function pointOf(task: Task, n: number, runs: Runs, pool: number): BestOfPoint {
  const samples = runs.get(poolOf(task, pool).name)!
  return bestOfPoint(
    n,
    runs.get(bestOf(task, n).name)!.map((run, i) => {
      const reward = rewardOf(run)
      const chosen = { reward, worth: worth(task, { text: run.text, reward }, i), klEstimate: run.klEstimate ?? 0 }
      return { samples: samples[i]!.candidates!.map(({ score }) => score ?? Number.NEGATIVE_INFINITY), chosen }
    }),
  )
}

/** The reward of the chosen answer. */
export const rewardOf = ({ reward }: Run): number => reward ?? Number.NEGATIVE_INFINITY

const titles = ({ name, reward, truth, prompts }: Task) => {
  return { task: name, reward, truth: truth?.name, prompts: prompts.length }
}

function table({ task, points }: BestOfTask): string {
  const rows = points.map((point) => [
    `${point.n}`,
    showInterval(point.expectedReward, 3),
    showInterval(point.measuredReward, 3),
    placement(point.measuredReward, point.expectedReward, point.rewardDeviation),
    point.klBound.toFixed(3),
    showInterval(point.expectedKl, 3),
    showInterval(point.measuredKl, 3),
    placement(point.measuredKl, point.expectedKl, point.klDeviation),
    showInterval(point.servedKl, 3),
    ...(task.truth === undefined ? [] : [showInterval(point.worth)]),
  ])
  const header = [
    'n',
    'reward by its law',
    'measured',
    'lies',
    'KL bound',
    'KL by its law',
    'measured',
    'lies',
    'KL as served',
  ]
  const truth = task.truth === undefined ? [] : [task.truth.name]
  return `## ${task.name}, judged by \`${task.reward}\`, ${task.prompts.length} prompts\n\n${markdownTable([...header, ...truth], rows)}`
}
