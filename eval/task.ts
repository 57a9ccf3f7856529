import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readGrammar } from './grammar.ts'
import { grammarChecker } from './grammar-checker.ts'
import { cycle, readHeldOut, type SumRow } from './held-out.ts'
import { checkSum } from './sum-checker.ts'

/** Prompts, what judges their answers, and what the answers are really worth. */
export interface Task {
  readonly name: string
  readonly prompts: readonly string[]
  readonly maxTokens: number
  /** The reward that chooses. */
  readonly reward: string
  /** What rules say of an answer, where there are any: what the reward stands for. */
  readonly truth: Truth | undefined
}

export interface Truth {
  readonly name: string
  of(text: string, index: number): number
}

export interface TaskOptions {
  readonly config: string
  readonly samples: number
  /** A JSON list of prompts, or of objects with a `prompt`; absent: the embedded family's held-out ones. */
  readonly prompts?: string
  /** For a prompt file: one task for each. */
  readonly rewards?: readonly string[]
  readonly maxTokens?: number
}

const promptFile = z.array(z.union([z.string().min(1), z.object({ prompt: z.string().min(1) })])).min(1)

/** The tasks of a prompt file, or the embedded family's with the first of their rewards that is configured. */
export function readTasks(options: TaskOptions, configured: (reward: string) => boolean): readonly Task[] {
  if (options.prompts !== undefined) return promptTasks(options.prompts, options)
  const folder = dirname(options.config)
  if (!existsSync(join(folder, 'heldout.json'))) throw new Error(`${folder} has no held-out prompts: give --prompts.`)
  return familyTasks(folder, options, configured)
}

function promptTasks(file: string, { rewards = [], samples, maxTokens = 64 }: TaskOptions): readonly Task[] {
  if (rewards.length === 0) throw new Error('Name what judges the answers to the prompt file: --rewards.')
  const entries = promptFile.parse(JSON.parse(readFileSync(file, 'utf8')))
  const prompts = entries.slice(0, samples).map((entry) => (typeof entry === 'string' ? entry : entry.prompt))
  return rewards.map((reward) => ({ name: reward, prompts, maxTokens, reward, truth: undefined }))
}

/** A word for what judged: the trained rewards, or what stands in for them where they are not configured. */
const familyRewards = {
  sums: ['steps', 'sound-steps'],
  reviews: ['sentiment', 'praise'],
  formality: ['formality'],
} as const

/** Above any answer of the grammar. */
const familyLimits = { sums: 80, reviews: 200, formality: 200 } as const

function familyTasks(
  folder: string,
  { samples, maxTokens }: TaskOptions,
  configured: (reward: string) => boolean,
): readonly Task[] {
  const [checker, heldOut] = [grammarChecker(readGrammar(folder)), readHeldOut(folder)]
  const [talk, sums] = [cycle(heldOut.talk, samples), cycle(heldOut.sums, samples)]
  const verdict = (text: string, index: number) => checker.judge(text, talk[index]!.meta)
  const truths = {
    sums: soundSums(sums).truth,
    reviews: { name: 'positivity', of: (text: string, index: number) => verdict(text, index).positivity },
    formality: { name: 'formality', of: (text: string, index: number) => verdict(text, index).formality },
  }
  const names = Object.keys(familyRewards) as (keyof typeof familyRewards)[]
  return names.flatMap((name) => {
    const reward = familyRewards[name].find(configured)
    const prompts = (name === 'sums' ? sums : talk).map(({ prompt }) => prompt)
    const limit = maxTokens ?? familyLimits[name]
    return reward === undefined ? [] : [{ name, prompts, maxTokens: limit, reward, truth: truths[name] }]
  })
}

/** Sums as a task's prompts, and whether an answer works its sum out without a mistake. */
export const soundSums = (rows: readonly SumRow[]): Pick<Task, 'prompts'> & { readonly truth: Truth } => ({
  prompts: rows.map(({ prompt }) => prompt),
  truth: { name: 'sound', of: (text, index) => Number(checkSum(text, rows[index]!.meta).sound) },
})

/** The same task, judged by another reward. */
export const judgedBy = (task: Task, reward: string): Task => ({ ...task, reward })

/** What an answer is worth by rule, or by its own reward where there is no rule. */
export function worth(task: Task, answer: { readonly text: string; readonly reward: number }, index: number): number {
  return task.truth?.of(answer.text, index) ?? answer.reward
}
