import type { Interval } from './interval.ts'

/** A Markdown table; cells are escaped. */
export function markdownTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(' | ')} |`
  return [line(header), `|${'---|'.repeat(header.length)}`, ...rows.map(line)].join('\n')
}

/** "0.93 [0.90, 0.95]", or the estimate alone where there is nothing random about it. */
export function showInterval({ estimate, low, high }: Interval, digits = 2): string {
  const show = (value: number) => value.toFixed(digits)
  return low === high ? show(estimate) : `${show(estimate)} [${show(low)}, ${show(high)}]`
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', '<br>')
}
