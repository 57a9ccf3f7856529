import type { Panel } from '../../eval/band-panel.ts'
import { renderSvg } from '../../eval/render-svg.ts'
import type { BenchRun } from '../finding.ts'
import { machineText } from '../measures/machine.ts'
import { curvePanel } from './curve-panel.ts'
import { profilePanel } from './profile-panel.ts'
import { targetPanel } from './target-panel.ts'

/** All that a run found in one figure; undefined where it found nothing that can be drawn. */
export async function drawRun({ findings, machine, date }: BenchRun): Promise<string | undefined> {
  const rows = findings.flatMap((finding) => finding.rows)
  const curves = findings.flatMap((finding) => finding.curves ?? [])
  const profiles = findings.flatMap((finding) => finding.profiles ?? [])
  const panels: Panel[] = []
  if (rows.some(({ target, values }) => target !== undefined && values.length > 0)) panels.push(targetPanel(rows))
  if (curves.length > 0)
    panels.push({
      concat: curves.map(curvePanel),
      columns: 3,
      spacing: 28,
      resolve: { scale: { x: 'independent', y: 'independent' } },
    })
  if (profiles.length > 0) panels.push(profilePanel(profiles))
  if (panels.length === 0) return undefined
  return await renderSvg({
    title: { text: 'trimtab and its rivals', subtitle: [`${date.slice(0, 10)}, ${machineText(machine)}`] },
    vconcat: panels,
    spacing: 36,
    resolve: { scale: { color: 'independent' } },
  })
}
