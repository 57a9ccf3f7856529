import { readSums } from './held-out.ts'
import { type Interval, mean, meanInterval, shareInterval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { withReasoner } from './sums-policies.ts'
import { soundSums, type Task } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface ReasonerWeightOptions extends TaskRunOptions {
  readonly weights: readonly number[]
  readonly development: string
  readonly out: string
  readonly name: string
}

/** Best of 8 among the answers of base and reasoner, the reasoner at one weight. */
interface WeighedReasoner {
  readonly weight: number
  /** Share of all candidates that are sound: the pair alone. */
  readonly alone: Interval
  readonly bestOf8: Interval
  /** Share of prompts with a sound answer among the 8. */
  readonly oracle: Interval
}

/** What weight the reasoner is best given where best-of-8 chooses among its answers, on sums that nothing is tested on. */
export async function reasonerWeightCommand(options: ReasonerWeightOptions): Promise<void> {
  const { weights, development, samples, seed, out, name } = options
  const run = await openTaskRun({ ...options, tasks: ['sums'] })
  try {
    const [heldOut] = run.tasks
    if (heldOut === undefined) throw new Error('No reward for sums is configured.')
    const task = { ...heldOut, ...soundSums(readSums(development, samples)) }
    const policies = weights.map((weight) => withReasoner(task, weight).bestOf)
    const [runs] = await run.draw([{ task, policies }])
    const found = weights.map((weight) => weighed(task, weight, runs!))
    const json = { samples: task.prompts.length, seed, judge: task.reward, found }
    writeResults(out, { name, markdown: table(found), json })
  } finally {
    await run.model.close()
  }
}

function weighed(task: Task, weight: number, runs: Runs): WeighedReasoner {
  const rows = runs.get(withReasoner(task, weight).bestOf.name)!.map(({ text, candidates }, i) => {
    const sound = candidates!.map((candidate) => task.truth!.of(candidate.text, i))
    return { alone: mean(sound), oracle: Math.max(...sound) === 1, chosen: task.truth!.of(text, i) === 1 }
  })
  return {
    weight,
    alone: meanInterval(rows.map(({ alone }) => alone)),
    bestOf8: shareInterval(rows.map(({ chosen }) => chosen)),
    oracle: shareInterval(rows.map(({ oracle }) => oracle)),
  }
}

const table = (found: readonly WeighedReasoner[]): string =>
  markdownTable(
    ['weight of `reasoner`', 'sound [95 % interval], alone', 'best of 8', 'an oracle among the 8'],
    found.map(({ weight, alone, bestOf8, oracle }) => [
      String(weight),
      ...[alone, bestOf8, oracle].map((share) => showInterval(share, 3)),
    ]),
  )
