import { atLeast, type Bar, verdictOf } from './bar.ts'
import { rewardOf } from './best-of-command.ts'
import { bootstrapInterval, type Interval, mean, meanInterval, shareInterval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { drawMethodsChart } from './methods-chart.ts'
import { comparePaired, type PairedComparison } from './paired-test.ts'
import { showP } from './particles-command.ts'
import { names, sumsPolicies } from './sums-policies.ts'
import type { Task } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface ArithmeticCommandOptions extends TaskRunOptions {
  readonly out: string
  readonly name: string
}

/** One way of working out sums. */
export interface MeasuredMethod {
  readonly name: string
  readonly sound: Interval
  /** Decoded for one answer, all candidates together. */
  readonly generated: Interval
  /** Mean reward of the answers, where one was asked for. */
  readonly reward: Interval | undefined
}

interface Duel {
  readonly one: string
  readonly other: string
  readonly compared: PairedComparison
}

/** Share of sums worked out soundly, by every method and what each costs. */
export async function arithmeticCommand(options: ArithmeticCommandOptions): Promise<void> {
  const { samples, seed, out, name } = options
  const run = await openTaskRun({ ...options, tasks: ['sums'] })
  try {
    const [task] = run.tasks
    if (task === undefined) throw new Error('No reward for sums is configured.')
    const policies = sumsPolicies(task, run.model.engine.catalogue.guides.has('reasoner'))
    const [runs] = await run.draw([{ task, policies }])
    const sound = soundOf(task, runs!)
    const methods = policies.map(({ name }) => measured(name, runs!, sound))
    const duels = duelsOf(sound)
    const bars = [closedGap(task, runs!)]
    const json = { samples, seed, judge: task.reward, methods, duels, bars }
    const markdown = [methodsTable(methods), duelsTable(duels), barsTable(bars)].join('\n\n')
    writeResults(out, { name, markdown, json, svg: await drawMethodsChart(methods) })
  } finally {
    await run.model.close()
  }
}

type Sound = ReadonlyMap<string, readonly number[]>

const soundOf = (task: Task, runs: Runs): Sound =>
  new Map([...runs].map(([name, all]) => [name, all.map(({ text }, i) => task.truth!.of(text, i))]))

function measured(name: string, runs: Runs, sound: Sound): MeasuredMethod {
  const all = runs.get(name)!
  const rewards = all.map(rewardOf)
  return {
    name,
    sound: shareInterval(sound.get(name)!.map((value) => value === 1)),
    generated: meanInterval(all.map(({ generated }) => generated)),
    reward: rewards.every(Number.isFinite) ? meanInterval(rewards) : undefined,
  }
}

function duelsOf(sound: Sound): readonly Duel[] {
  const { bestOf, particles, reasoner, withReasoner, beam, tree } = names
  const both = withReasoner(bestOf(8))
  const pairs = [
    [both, reasoner],
    [both, bestOf(8)],
    [withReasoner(particles(8)), reasoner],
    [withReasoner(particles(8)), both],
    [particles(4), bestOf(4)],
    [particles(8), bestOf(8)],
    [beam, bestOf(8)],
    [tree, bestOf(8)],
  ] as const
  return pairs.flatMap(([one, other]) => {
    const [a, b] = [sound.get(one), sound.get(other)]
    return a === undefined || b === undefined ? [] : [{ one, other, compared: comparePaired(a, b) }]
  })
}

/** How much of the way from the base to an oracle among the same 16 answers the reward's choice goes. */
function closedGap(task: Task, runs: Runs): Bar {
  const rows = runs.get(names.bestOf(16))!.map(({ text, candidates }, i) => {
    const sound = candidates!.map((candidate) => task.truth!.of(candidate.text, i))
    return { base: mean(sound), oracle: Math.max(...sound), chosen: task.truth!.of(text, i) }
  })
  const share = bootstrapInterval(rows.length, (indices) => {
    const over = (column: keyof (typeof rows)[number]) => mean(indices.map((i) => rows[i]![column]))
    return (over('chosen') - over('base')) / (over('oracle') - over('base'))
  })
  return atLeast(0.6, `best of 16 by \`${task.reward}\`: share of the gap from the base to the oracle closed`, share)
}

const methodsTable = (methods: readonly MeasuredMethod[]): string =>
  markdownTable(
    ['method', 'sound [95 % interval]', 'decoded tokens per answer'],
    methods.map(({ name, sound, generated }) => [name, showInterval(sound, 3), showInterval(generated, 0)]),
  )

const duelsTable = (duels: readonly Duel[]): string =>
  markdownTable(
    ['compared, prompt by prompt', 'difference in the share of sound sums', 'won / tied / lost', 'p'],
    duels.map(({ one, other, compared: { difference, wins, ties, losses, pValue } }) => [
      `${one} - ${other}`,
      showInterval(difference, 3),
      `${wins} / ${ties} / ${losses}`,
      showP(pValue),
    ]),
  )

const barsTable = (bars: readonly Bar[]): string =>
  markdownTable(
    ['bar', '', 'estimate [95 % interval]', 'verdict'],
    bars.map((bar) => [bar.text, `${bar.relation} ${bar.limit}`, showInterval(bar.measured, 3), verdictOf(bar)]),
  )
