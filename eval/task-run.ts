import { join } from 'node:path'
import { childSeed } from '../src/decoding/rng.ts'
import { readConfigFile } from '../src/server/config-file.ts'
import { cacheFolder } from '../src/server/engine-setup.ts'
import { drawRun, type Run } from './draw-run.ts'
import { type EvaluatedModel, openEvaluatedModel } from './evaluated-model.ts'
import { inFlight } from './in-flight.ts'
import type { Policy } from './policy.ts'
import { progressBar } from './progress-bar.ts'
import { type KeptRuns, RunStore } from './run-store.ts'
import { readTasks, type Task, type TaskOptions } from './task.ts'

export interface TaskRunOptions extends TaskOptions {
  readonly seed: number
  /** Prompts answered at a time, each with all candidates it needs. */
  readonly concurrency: number
  /** Only these of the tasks; absent: all. */
  readonly tasks?: readonly string[]
}

/** A task and how its prompts are to be answered. */
export interface PlannedTask {
  readonly task: Task
  readonly policies: readonly Policy[]
}

/** Answers by policy name; answer i is to prompt i. */
export type Runs = ReadonlyMap<string, readonly Run[]>

/** Any configured model with tasks, and answers that are kept. */
export interface TaskRun {
  readonly model: EvaluatedModel
  readonly tasks: readonly Task[]
  /** The answers of every planned task, in order; those that are kept are not drawn again. */
  draw(plans: readonly PlannedTask[]): Promise<readonly Runs[]>
}

/** Loads what the configuration names. */
export async function openTaskRun(options: TaskRunOptions): Promise<TaskRun> {
  const config = readConfigFile(options.config, process.env)
  const store = new RunStore(join(cacheFolder(config), 'eval', 'runs'))
  const model = await openEvaluatedModel(config)
  const wanted = ({ name }: Task) => options.tasks === undefined || options.tasks.includes(name)
  const tasks = readTasks(options, (reward) => reward in config.rewards).filter(wanted)
  return { model, tasks, draw: (plans) => drawAll(model, plans, { store, options }) }
}

interface Job {
  readonly task: Task
  readonly policy: Policy
  readonly kept: KeptRuns
}

async function drawAll(
  model: EvaluatedModel,
  plans: readonly PlannedTask[],
  { store, options }: { readonly store: RunStore; readonly options: TaskRunOptions },
): Promise<readonly Runs[]> {
  const { seed, concurrency } = options
  const openKept = (task: Task, policy: Policy) => {
    const conditions = { seed, maxTokens: task.maxTokens, fingerprint: model.fingerprint(policy.alignment) }
    // The prompts name a task; what judges or measures it is in the alignment, or changes no answer.
    return store.open(policy, { task: task.name, ...conditions }, task.prompts)
  }
  const jobs = plans.map(({ task, policies }) =>
    policies.map((policy): Job => ({ task, policy, kept: openKept(task, policy) })),
  )
  const all = jobs.flat()
  const answered = ({ task, kept }: Job) => task.prompts.filter((_, i) => kept.get(i) !== undefined).length
  const total = (count: (job: Job) => number) => all.reduce((sum, job) => sum + count(job), 0)
  const [limit, bar] = [inFlight(concurrency), progressBar()]
  bar.start(
    total(({ task }) => task.prompts.length),
    total(answered),
  )
  const answer = async ({ task, policy, kept }: Job, index: number): Promise<Run> => {
    const known = kept.get(index)
    if (known !== undefined) return known
    return limit(async () => {
      const { alignment, temperature, stream } = policy
      const own = childSeed(childSeed(BigInt(seed), stream), index)
      const question = { prompt: task.prompts[index]!, alignment, temperature, seed: own, maxTokens: task.maxTokens }
      const run = await drawRun(model, question)
      kept.add(index, run)
      bar.increment()
      return run
    })
  }
  const runsOf = async (job: Job) => {
    const runs = await Promise.all(job.task.prompts.map((_, index) => answer(job, index)))
    return [job.policy.name, runs] as const
  }
  try {
    return await Promise.all(jobs.map(async (task) => new Map(await Promise.all(task.map(runsOf)))))
  } finally {
    bar.stop()
  }
}
