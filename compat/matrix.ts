import type { Client, Outcome } from './clients.ts'

/** A client with its outcomes. */
export type Column = Client & { readonly outcomes: readonly Outcome[] }

/** Cases down, clients across; a case that a client has no way to ask for is a dash. */
export function toMatrix(columns: readonly Column[]): string {
  const cases = [...new Set(columns.flatMap(({ outcomes }) => outcomes.map((outcome) => outcome.case)))]
  const header = ['', ...columns.map(({ name, version }) => `${name} ${version}`)]
  const rows = cases.map((name) => [
    name,
    ...columns.map(({ outcomes }) => cell(outcomes.find((one) => one.case === name))),
  ])
  return toTable([header, ...rows])
}

/** Rows of cells as Markdown, the first one as the header. */
export function toTable([header = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n')
}

function cell(outcome: Outcome | undefined): string {
  if (outcome === undefined) return '-'
  if (outcome.outcome === 'fail') return 'FAILS'
  return outcome.detail === '' ? 'ok' : outcome.detail
}

/** What failed, for people. */
export function failuresOf(columns: readonly Column[]): readonly string[] {
  return columns.flatMap(({ name, outcomes }) =>
    outcomes.filter(({ outcome }) => outcome === 'fail').map((one) => `${name}: ${one.case}: ${one.detail}`),
  )
}
