import type { BenchRun } from '../finding.ts'
import { machineText } from '../measures/machine.ts'
import { markdownTable } from '../measures/table.ts'
import { curveTable } from '../scale/curve.ts'
import { profileTable } from './profile-table.ts'

/** A run's tables, with how they came about. */
export function runMarkdown({ findings, machine, date, command, quick, rounds }: BenchRun): string {
  const rows = findings.flatMap((finding) => finding.rows)
  const curves = findings.flatMap((finding) => finding.curves ?? [])
  const profiles = findings.flatMap((finding) => finding.profiles ?? [])
  const made = `${date.slice(0, 10)}, ${machineText(machine)}; ${rounds} round${rounds === 1 ? '' : 's'}, all contestants in turn in each${quick ? ' (`--quick`: short runs, whose numbers mean little)' : ''}:`
  return [
    made,
    command.replaceAll(/^/gm, '    '),
    ...(rows.length === 0 ? [] : [markdownTable(rows)]),
    ...(curves.length === 0 ? [] : ['### Curves', curveTable(curves)]),
    ...(profiles.length === 0 ? [] : ['### A step', profileTable(profiles)]),
    '### How',
    findings.flatMap(({ notes }) => notes.map((note) => `- ${note}`)).join('\n'),
  ].join('\n\n')
}
