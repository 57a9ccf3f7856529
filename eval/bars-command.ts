import { writeFileSync } from 'node:fs'
import { type Bar, verdictOf } from './bar.ts'
import { Comparison } from './comparison.ts'
import { openEvaluationRun } from './evaluation-run.ts'
import { baseBars, positiveBars, reasonerBars, styleBars, togetherBars } from './guide-bars.ts'
import { guideCells, talkGuides } from './guide-cells.ts'
import { lossBars } from './held-out-loss.ts'
import { markdownTable, showInterval } from './markdown.ts'
import type { RunOptions } from './run-cells.ts'

export interface BarsOptions extends RunOptions {
  readonly config: string
  readonly out?: string
}

/** Prints every bar with its measured value, interval and verdict; measured through the engine, as served. */
export async function barsCommand(options: BarsOptions): Promise<void> {
  const run = await openEvaluationRun(options.config, options)
  try {
    const exists = (guide: string) => run.model.engine.catalogue.guides.has(guide)
    const { measured } = await run.sample(guideCells(exists))
    const compare = new Comparison(measured)
    const missing = [...talkGuides, 'reasoner'].filter((guide) => !exists(guide))
    if (missing.length > 0) process.stderr.write(`No bars for what is not configured: ${missing.join(', ')}\n`)
    const hasAll = talkGuides.every(exists)
    const bars = [
      ...baseBars(compare),
      ...(await lossBars(run, options)),
      ...(hasAll ? [...positiveBars(compare), ...styleBars(compare), ...togetherBars(compare)] : []),
      ...(exists('reasoner') ? reasonerBars(compare) : []),
    ]
    const table = barsTable(bars)
    process.stdout.write(`${table}\n`)
    if (options.out !== undefined) writeFileSync(options.out, `${table}\n`)
  } finally {
    await run.model.close()
  }
}

function barsTable(bars: readonly Bar[]): string {
  const rows = bars.map((bar) => [
    bar.text,
    `${bar.relation} ${bar.limit}`,
    showInterval(bar.measured, 3),
    verdictOf(bar),
  ])
  return markdownTable(['measured on held-out prompts', 'bar', 'estimate [95 % interval]', 'verdict'], rows)
}
