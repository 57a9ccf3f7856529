import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawRun } from './figures/run-charts.ts'
import { runMarkdown } from './figures/run-markdown.ts'
import type { BenchRun, Finding } from './finding.ts'

export const resultsFolder = fileURLToPath(new URL('./results', import.meta.url))

/** Writes a run's numbers, tables and figures into bench/results; returns the tables. */
export async function writeRun(name: string, run: BenchRun): Promise<string> {
  mkdirSync(resultsFolder, { recursive: true })
  const file = (ending: string) => join(resultsFolder, `${name}.${ending}`)
  const markdown = runMarkdown(run)
  writeFileSync(file('json'), `${JSON.stringify(run, undefined, 1)}\n`)
  writeFileSync(file('md'), `${markdown}\n`)
  for (const figure of await drawRun(run)) writeFileSync(join(resultsFolder, `${name}-${figure.name}.svg`), figure.svg)
  return `${markdown}\n\nWritten to ${file('{json,md}')}, figures beside them`
}

export const readRuns = (files: readonly string[]): BenchRun =>
  mergeRuns(files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as BenchRun))

/** Several runs as one, which says all their commands: day and machine are the first's, and it is as quick as its quickest. */
export function mergeRuns(runs: readonly BenchRun[]): BenchRun {
  const [first] = runs
  if (first === undefined) throw new Error('give at least one file of results')
  const processors = new Set(runs.map(({ machine }) => `${machine.cores} ${machine.processor}`))
  if (processors.size > 1) throw new Error(`the runs are of different machines: ${[...processors].join('; ')}`)
  return {
    ...first,
    command: [...new Set(runs.map(({ command }) => command))].join('\n'),
    quick: runs.some(({ quick }) => quick),
    rounds: Math.min(...runs.map(({ rounds }) => rounds)),
    findings: mergeFindings(runs.map(({ findings }) => findings)),
  }
}

/** Questions in the order of their first answers, each with its last answer. */
export function mergeFindings(lists: readonly (readonly Finding[])[]): Finding[] {
  const byQuestion = new Map<string, Finding>()
  for (const finding of lists.flat()) byQuestion.set(finding.question, finding)
  return [...byQuestion.values()]
}
