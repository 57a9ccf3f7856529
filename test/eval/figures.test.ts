import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { guideCells } from '../../eval/guide-cells.ts'
import { drawGuideCharts } from '../../eval/guide-charts.ts'
import type { ReportedCell } from '../../eval/guides-report.ts'
import { columns } from '../../eval/measures.ts'

const made = (exists: (guide: string) => boolean): ReportedCell[] =>
  guideCells(exists).map((cell) => ({
    ...cell,
    measures: Object.fromEntries(columns[cell.topic].map((name) => [name, { estimate: 0.5, low: 0.4, high: 0.6 }])),
  }))

describe('figures', () => {
  it('are drawn without a browser, with titles, axes and legends', async () => {
    const figures = await drawGuideCharts(made(() => true))
    assert.deepEqual(figures.map(({ name }) => name).sort(), [
      'arithmetic',
      'guides',
      'guides-kl',
      'guides-side-effects',
    ])
    const { svg } = figures.find(({ name }) => name === 'guides')!
    for (const text of ['guide weight', 'positivity', 'formality', 'sentences per answer', 'control', 'concise']) {
      assert.ok(svg.includes(`>${text}<`), text)
    }
  })

  it('leave out guides that do not exist', async () => {
    const figures = await drawGuideCharts(made((guide) => guide === 'formal'))
    const { svg } = figures.find(({ name }) => name === 'guides')!
    assert.ok(svg.includes('>formal<') && !svg.includes('>concise<'))
    assert.deepEqual(
      (await drawGuideCharts(made(() => false))).map(({ name }) => name),
      ['arithmetic'],
    )
  })
})
