import { type Measured, type ResultRow, verdictOfRow } from './result-row.ts'
import { describe } from './spread.ts'
import type { Target } from './target.ts'

/** The rows as a Markdown table, with a verdict each; what is missing is listed below it. */
export function markdownTable(rows: readonly ResultRow[]): string {
  const head = ['work', 'compared', 'measured (medians)', 'median (min .. max)', 'target', 'verdict']
  const lines = [head, head.map(() => '---'), ...rows.map(cells)].map((line) => `| ${line.join(' | ')} |`)
  const missing = [...new Set(rows.flatMap((row) => (row.missing === undefined ? [] : [`- ${row.missing}`])))]
  return [...lines, ...(missing.length === 0 ? [] : ['', 'Missing:', '', ...missing])].join('\n')
}

function cells(row: ResultRow): string[] {
  const target = row.target === undefined ? '-' : targetText(row.target, row.unit)
  return [row.work, row.comparison, row.measured.map(measuredText).join('; '), judged(row), target, verdictOfRow(row)]
}

function judged({ values, unit }: ResultRow): string {
  if (values.length === 0) return '-'
  const { min, median, max } = describe(values)
  return `${withUnit(median, unit)} (${number(min)} .. ${number(max)})`
}

export const targetText = ({ bound, value }: Target, unit: string): string =>
  `${bound === 'at least' ? '>=' : '<='} ${withUnit(value, unit)}`

const measuredText = ({ name, unit, values }: Measured): string =>
  values.length === 0 ? `${name} -` : `${name} ${withUnit(describe(values).median, unit)}`

const withUnit = (value: number, unit: string): string =>
  `${number(value)}${unit === 'x' || unit === '%' ? '' : ' '}${unit}`

/** Three figures. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
