import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadFigure } from './load-figure.ts'
import { loadMarkdown } from './load-markdown.ts'
import type { LoadRun } from './load-run.ts'
import { type LoadTest, loadTests } from './load-tests.ts'

const folder = fileURLToPath(new URL('./results', import.meta.url))
const page = fileURLToPath(new URL('../docs/load.md', import.meta.url))
const plots = fileURLToPath(new URL('../docs/plots', import.meta.url))

/** Writes numbers, tables and figure of a run into loadtest/results; returns the tables. */
export async function writeLoadRun(run: LoadRun, test: LoadTest): Promise<string> {
  mkdirSync(folder, { recursive: true })
  const markdown = loadMarkdown(run, test)
  writeFileSync(join(folder, `${run.test}.json`), `${JSON.stringify(run)}\n`)
  writeFileSync(join(folder, `${run.test}.md`), `${markdown}\n`)
  writeFileSync(join(folder, `${run.test}.svg`), await loadFigure(run, test))
  return `${markdown}\n\nWritten to ${join(folder, `${run.test}.{json,md,svg}`)}`
}

/** Puts the last runs of the named tests into docs/load.md, each between its own two marks. */
export async function reportLoad(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const test = loadTests.find((candidate) => candidate.name === name)
    if (test === undefined) throw new Error(`there is no load test "${name}"`)
    const run = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as LoadRun
    writeFileSync(join(plots, `load-${name}.svg`), await loadFigure(run, test))
    const part = `![Load test: ${test.description}](plots/load-${name}.svg)\n\n${loadMarkdown(run, test)}`
    writeFileSync(page, replacePart(readFileSync(page, 'utf8'), name, part))
  }
}

/** The page with the part of that name replaced. @throws Error for a page without its marks */
export function replacePart(text: string, name: string, part: string): string {
  const [begin, end] = [`<!-- loadtest ${name}: begin -->`, `<!-- loadtest ${name}: end -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`the page needs the lines ${begin} and ${end}`)
  return `${text.slice(0, from)}${begin}\n\n${part}\n\n${text.slice(to)}`
}
