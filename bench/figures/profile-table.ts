import type { StepProfile } from '../finding.ts'
import { number } from '../measures/table.ts'

/** A column for each profile: microseconds a step, and calls, by kind of node. */
export function profileTable(profiles: readonly StepProfile[]): string {
  const names = [...new Set(profiles.flatMap(({ operators }) => operators.map(({ name }) => name)))]
  const head = ['part of a step', ...profiles.map(({ rows }) => `${rows} row${rows === 1 ? '' : 's'}, us (calls)`)]
  const cell = (profile: StepProfile, name: string) => {
    const found = profile.operators.find((operator) => operator.name === name)
    return found === undefined ? '-' : `${number(found.us)} (${Math.round(found.calls)})`
  }
  const inNodes = (profile: StepProfile) => profile.operators.reduce((sum, { us }) => sum + us, 0)
  const lines = [
    head,
    head.map(() => '---'),
    ...names.slice(0, 14).map((name) => [name, ...profiles.map((profile) => cell(profile, name))]),
    ['between nodes', ...profiles.map((profile) => number(Math.max(0, profile.graphUs - inNodes(profile))))],
    ['the graph', ...profiles.map(({ graphUs }) => number(graphUs))],
    ['the whole step', ...profiles.map(({ stepUs }) => number(stepUs))],
  ]
  return lines.map((line) => `| ${line.join(' | ')} |`).join('\n')
}
