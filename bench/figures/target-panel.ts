import type { Panel } from '../../eval/band-panel.ts'
import type { ResultRow } from '../measures/result-row.ts'
import { describe } from '../measures/spread.ts'
import { targetText } from '../measures/table.ts'

const met = '#0072B2'
const missed = '#D55E00'
const grey = '#8A8F98'

/** Every row that has a target: how far it is past it (median, and the range of its rounds); right of 1 it is met. */
export function targetPanel(rows: readonly ResultRow[]): Panel {
  const values = rows.flatMap(scoreOf)
  const y = {
    field: 'label',
    type: 'nominal',
    title: null,
    sort: null,
    axis: { labelExpr: "split(datum.label, ': ')", labelLimit: 1000, labelFontSize: 10, ticks: false, domain: false },
  } as const
  const x = (field: string) =>
    ({
      field,
      type: 'quantitative',
      title: 'times the target',
      scale: { type: 'log', base: 2, nice: false, padding: 12 },
      axis: { format: '~r' },
    }) as const
  const color = {
    field: 'verdict',
    type: 'nominal',
    scale: { domain: ['met', 'missed'], range: [met, missed] },
    legend: { title: '' },
  } as const
  return {
    width: 420,
    height: { step: 34 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeDash: [5, 4], color: grey },
        data: { values: [{ one: 1 }] },
        encoding: { x: x('one') },
      },
      { mark: { type: 'rule', strokeWidth: 1.5 }, encoding: { x: x('low'), x2: { field: 'high' }, y, color } },
      { mark: { type: 'point', filled: true, size: 48, opacity: 1 }, encoding: { x: x('median'), y, color } },
    ],
  }
}

function scoreOf({ work, comparison, unit, values, target }: ResultRow) {
  if (target === undefined || values.length === 0) return []
  const score = (value: number) => (target.bound === 'at least' ? value / target.value : target.value / value)
  const { min, median, max } = describe(values.map(score))
  // two lines: what was done; with whom it is compared
  const label = `${work.replaceAll(': ', ', ')}: ${comparison}, ${targetText(target, unit)}`
  return [{ label, low: min, median, high: max, verdict: median >= 1 ? 'met' : 'missed' }]
}
