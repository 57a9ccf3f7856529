import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openEvaluationRun } from './evaluation-run.ts'
import { guideCells } from './guide-cells.ts'
import { drawGuideCharts } from './guide-charts.ts'
import { exampleTable, type ReportedCell, report, reportTable } from './guides-report.ts'
import type { Topic } from './held-out.ts'
import type { RunOptions } from './run-cells.ts'

export interface GuidesOptions extends RunOptions {
  readonly config: string
  /** Folder of the figures, guides.json and guides.md. */
  readonly out: string
}

/** Measures every guide over its weights, and draws and writes what came out. */
export async function guidesCommand(options: GuidesOptions): Promise<void> {
  const { config, out, samples, seed } = options
  const run = await openEvaluationRun(config, options)
  try {
    const cells = guideCells((guide) => run.model.engine.catalogue.guides.has(guide))
    const { answers, measured } = await run.sample(cells)
    const reported = report(cells, measured)
    mkdirSync(out, { recursive: true })
    for (const { name, svg } of await drawGuideCharts(reported)) writeFileSync(join(out, `${name}.svg`), svg)
    writeFileSync(join(out, 'guides.json'), `${JSON.stringify({ samples, seed, cells: reported }, undefined, 1)}\n`)
    const text = guidesText(reported, (topic) => exampleTable(topic, cells, answers, run.heldOut))
    writeFileSync(join(out, 'guides.md'), text)
    process.stdout.write(`${text}\nWritten to ${out}/\n`)
  } finally {
    await run.model.close()
  }
}

function guidesText(reported: readonly ReportedCell[], examples: (topic: Topic) => string): string {
  const section = (title: string, topic: Topic) =>
    [`## ${title}`, reportTable(topic, reported), examples(topic)].join('\n\n')
  return `${section('Reviews and replies', 'talk')}\n\n${section('Sums', 'sums')}\n`
}
