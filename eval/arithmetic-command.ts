import { atLeast, type Bar, verdictOf } from './bar.ts'
import { rewardOf } from './best-of-command.ts'
import { readSums } from './held-out.ts'
import { bootstrapInterval, type Interval, mean, meanInterval, shareInterval } from './interval.ts'
import { markdownTable, showInterval } from './markdown.ts'
import { drawMethodsChart } from './methods-chart.ts'
import { showP } from './particles-command.ts'
import type { Policy } from './policy.ts'
import { type Duel, duelsOf, type Sound } from './sums-duels.ts'
import { names, sumsPolicies } from './sums-policies.ts'
import { soundSums, type Task } from './task.ts'
import { openTaskRun, type Runs, type TaskRunOptions } from './task-run.ts'
import { writeResults } from './write-results.ts'

export interface ArithmeticCommandOptions extends TaskRunOptions {
  /** Of the reasoner where its answers are chosen among; alone and with each method it is also shown at 1. */
  readonly reasonerWeight: number
  /** Only these, by name; absent: all. */
  readonly methods?: readonly string[]
  /** A file of other sums than those of heldout.json. */
  readonly sums?: string
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

/** Share of sums worked out soundly, by every method and what each costs. */
export async function arithmeticCommand(options: ArithmeticCommandOptions): Promise<void> {
  const { samples, seed, reasonerWeight, out, name } = options
  const run = await openTaskRun({ ...options, tasks: ['sums'] })
  try {
    const [heldOut] = run.tasks
    if (heldOut === undefined) throw new Error('No reward for sums is configured.')
    const task = options.sums === undefined ? heldOut : { ...heldOut, ...soundSums(readSums(options.sums, samples)) }
    const hasReasoner = run.model.engine.catalogue.guides.has('reasoner')
    const known = sumsPolicies(task, hasReasoner ? [...new Set([1, reasonerWeight])] : [])
    const policies = options.methods === undefined ? known : chosenOf(known, options.methods)
    const [runs] = await run.draw([{ task, policies }])
    const sound = soundOf(task, runs!)
    const methods = policies.map(({ name }) => measured(name, runs!, sound))
    const duels = duelsOf(sound, reasonerWeight)
    const bars = closedGap(task, runs!)
    const json = { samples, seed, reasonerWeight, judge: task.reward, methods, duels, bars }
    const tables = [methodsTable(methods), duelsTable(duels), ...(bars.length === 0 ? [] : [barsTable(bars)])]
    const markdown = tables.join('\n\n')
    writeResults(out, { name, markdown, json, svg: await drawMethodsChart(methods) })
  } finally {
    await run.model.close()
  }
}

function chosenOf(known: readonly Policy[], wanted: readonly string[]): readonly Policy[] {
  return wanted.map((method) => {
    const policy = known.find(({ name }) => name === method)
    if (policy === undefined) throw new Error(`No method '${method}': ${known.map(({ name }) => name).join(', ')}.`)
    return policy
  })
}

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

/** How much of the way from the base to an oracle among the same 16 answers the reward's choice goes. */
function closedGap(task: Task, runs: Runs): readonly Bar[] {
  const chosen = runs.get(names.bestOf(16))
  if (chosen === undefined) return []
  const rows = chosen.map(({ text, candidates }, i) => {
    const sound = candidates!.map((candidate) => task.truth!.of(candidate.text, i))
    return { base: mean(sound), oracle: Math.max(...sound), chosen: task.truth!.of(text, i) }
  })
  const share = bootstrapInterval(rows.length, (indices) => {
    const over = (column: keyof (typeof rows)[number]) => mean(indices.map((i) => rows[i]![column]))
    return (over('chosen') - over('base')) / (over('oracle') - over('base'))
  })
  return [atLeast(0.6, `best of 16 by \`${task.reward}\`: share of the gap from the base to the oracle closed`, share)]
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
