import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { drawRun } from './figures/run-chart.ts'
import { runMarkdown } from './figures/run-markdown.ts'
import { readRuns } from './results.ts'

const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const figure = fileURLToPath(new URL('../docs/plots/performance.svg', import.meta.url))
const [begin, end] = ['<!-- bench report: begin -->', '<!-- bench report: end -->']

/** Puts the tables and the figure of a run into docs/performance.md. */
export async function report(files: readonly string[]): Promise<void> {
  const run = readRuns(files)
  const svg = await drawRun(run)
  if (svg !== undefined) writeFileSync(figure, svg)
  const image =
    svg === undefined ? '' : '![Ratios against their targets, cost curves, parts of a step](plots/performance.svg)\n\n'
  writeFileSync(page, replaceReport(readFileSync(page, 'utf8'), `${image}${runMarkdown(run)}`))
  process.stdout.write(`docs/performance.md holds ${files.join(', ')}\n`)
}

/** The page with what lies between its two marks replaced. @throws Error for a page without them */
export function replaceReport(text: string, markdown: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page needs the lines ${begin} and ${end}`)
  return `${text.slice(0, from)}${begin}\n\n${markdown}\n\n${text.slice(to)}`
}
