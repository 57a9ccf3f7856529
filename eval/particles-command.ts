import { poolOf, rewardOf } from './best-of-command.ts'
import type { Run } from './draw-run.ts'
import { bestWithin } from './equal-tokens.ts'
import { type Interval, meanInterval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { comparePaired, type PairedComparison } from './paired-test.ts'
import { particlesOf } from './particle-settings.ts'
import { drawParticlesChart } from './particles-chart.ts'
import { type Policy, policy } from './policy.ts'
import { type Task, worth } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface ParticlesCommandOptions extends TaskRunOptions {
  readonly particles: readonly number[]
  readonly lambda?: number
  readonly out: string
  readonly name: string
}

/** Particles and best-of-N on one task, at the same number of decoded tokens. */
export interface Contest {
  readonly task: Task
  readonly n: number
  readonly tokens: Contestants<Interval>
  /** What the answers are worth by rule, or by the reward where there is none. */
  readonly worth: Contestants<Interval> & { readonly compared: PairedComparison }
  readonly reward: Contestants<Interval> & { readonly compared: PairedComparison }
}

interface Contestants<Value> {
  readonly particles: Value
  readonly bestOf: Value
}

/** Particles against best-of-N at equal decoded tokens, on every task, prompt by prompt. */
export async function particlesCommand(options: ParticlesCommandOptions): Promise<void> {
  const { particles, lambda, samples, seed, out, name } = options
  const run = await openTaskRun(options)
  const own = lambda === undefined ? {} : { lambda }
  const population = (task: Task, n: number): Policy =>
    policy(`${n} particles by ${task.reward}`, particlesOf(task, n, own), { stream: n })
  try {
    // Particles may decode longer answers than the pool's.
    const pool = (task: Task) => poolOf(task, Math.min(128, 3 * Math.max(...particles)))
    const plans = run.tasks.map((task) => ({
      task,
      policies: [pool(task), ...particles.map((n) => population(task, n))],
    }))
    const drawn = await run.draw(plans)
    const contests = run.tasks.flatMap((task, i) =>
      particles.map((n) => contest(task, n, population(task, n), pool(task), drawn[i]!)),
    )
    const json = {
      samples,
      seed,
      contests: contests.map(({ task, ...found }) => ({
        task: task.name,
        judge: task.reward,
        measure: measureOf(task),
        settings: particlesOf(task, found.n, own).particles,
        ...found,
      })),
    }
    writeResults(out, { name, markdown: table(contests), json, svg: await drawParticlesChart(contests) })
  } finally {
    await run.model.close()
  }
}

export const measureOf = ({ truth, reward }: Task): string => truth?.name ?? reward

function contest(task: Task, n: number, population: Policy, pool: Policy, runs: Runs): Contest {
  const rows = runs.get(population.name)!.map((run, i) => rowOf(task, run, runs.get(pool.name)![i]!, i))
  const both = (value: (of: { reward: number; worth: number; tokens: number }) => number) => {
    const [one, other] = [rows.map(({ particles }) => value(particles)), rows.map(({ bestOf }) => value(bestOf))]
    return { particles: meanInterval(one), bestOf: meanInterval(other), compared: comparePaired(one, other) }
  }
  return {
    task,
    n,
    tokens: both(({ tokens }) => tokens),
    worth: both(({ worth }) => worth),
    reward: both(({ reward }) => reward),
  }
}

function rowOf(task: Task, run: Run, pool: Run, index: number) {
  const answers = pool.candidates!.map(({ text, score, tokens }) => {
    return { text, tokens, reward: score ?? Number.NEGATIVE_INFINITY }
  })
  const best = bestWithin(run.generated, answers)
  if (best === undefined) throw new Error(`The pool is too small for the ${run.generated} tokens of '${run.text}'.`)
  const particles = { text: run.text, reward: rewardOf(run) }
  return {
    particles: { reward: particles.reward, worth: worth(task, particles, index), tokens: run.generated },
    bestOf: { reward: best.answer.reward, worth: worth(task, best.answer, index), tokens: best.tokens },
  }
}

function table(contests: readonly Contest[]): string {
  const rows = contests.flatMap(({ task, n, tokens, worth, reward }) => {
    const line = (measure: string, { particles, bestOf, compared }: Contest['worth']) => [
      task.name,
      `${n}`,
      measure,
      showInterval(particles, 3),
      showInterval(bestOf, 3),
      showInterval(compared.difference, 3),
      `${compared.wins} / ${compared.ties} / ${compared.losses}`,
      showP(compared.pValue),
      `${tokens.particles.estimate.toFixed(0)} and ${tokens.bestOf.estimate.toFixed(0)}`,
    ]
    const byReward = line(`reward \`${task.reward}\``, reward)
    return task.truth === undefined ? [byReward] : [line(task.truth.name, worth), byReward]
  })
  return markdownTable(
    ['task', 'particles', 'measure', 'particles', 'best-of-N', 'difference', 'won / tied / lost', 'p', 'tokens'],
    rows,
  )
}

/** "0.0123"; far below, only the order. */
export const showP = (p: number): string => (p < 0.0001 ? '< 0.0001' : p.toFixed(4))
