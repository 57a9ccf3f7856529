import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawRun } from './figures/run-charts.ts'
import { runMarkdown } from './figures/run-markdown.ts'
import { readRuns } from './results.ts'

const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const plots = fileURLToPath(new URL('../docs/plots', import.meta.url))
const [begin, end] = ['<!-- bench report: begin -->', '<!-- bench report: end -->']

const captions: Readonly<Record<string, string>> = {
  targets: 'Every ratio against its target',
  curves: 'Step time against context, rows, guides, particles, vocabulary and model shape',
  step: 'Parts of a decoding step',
}

/** Puts the tables and the figures of a run into docs/performance.md. */
export async function report(files: readonly string[]): Promise<void> {
  const run = readRuns(files)
  const figures = await drawRun(run)
  for (const { name, svg } of figures) writeFileSync(join(plots, `performance-${name}.svg`), svg)
  const images = figures.map(({ name }) => `![${captions[name]}](plots/performance-${name}.svg)`)
  writeFileSync(page, replaceReport(readFileSync(page, 'utf8'), [...images, runMarkdown(run)].join('\n\n')))
  process.stdout.write(`docs/performance.md holds ${files.join(', ')}\n`)
}

/** The page with what lies between its two marks replaced. @throws Error for a page without them */
export function replaceReport(text: string, markdown: string): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page needs the lines ${begin} and ${end}`)
  return `${text.slice(0, from)}${begin}\n\n${markdown}\n\n${text.slice(to)}`
}
