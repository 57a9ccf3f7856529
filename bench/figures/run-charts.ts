import type { Panel } from '../../eval/band-panel.ts'
import { type Figure, renderSvg } from '../../eval/render-svg.ts'
import type { BenchRun } from '../finding.ts'
import { machineText } from '../measures/machine.ts'
import { curvePanel } from './curve-panel.ts'
import { profilePanel } from './profile-panel.ts'
import { targetPanel } from './target-panel.ts'

/** What a run found, as figures: targets, curves, parts of a step; those for which it found something. */
export async function drawRun(run: BenchRun): Promise<Figure[]> {
  const rows = run.findings.flatMap((finding) => finding.rows)
  const curves = run.findings.flatMap((finding) => finding.curves ?? [])
  const profiles = run.findings.flatMap((finding) => finding.profiles ?? [])
  const figures: Figure[] = []
  const draw = async (name: string, title: string, panels: readonly Panel[]) =>
    void figures.push({
      name,
      svg: await renderSvg({ title: heading(title, run), concat: [...panels], columns: 3, spacing: 28 }),
    })
  if (rows.some(({ target, values }) => target !== undefined && values.length > 0))
    await draw('targets', 'trimtab and its rivals', [targetPanel(rows)])
  if (curves.length > 0) await draw('curves', 'What a decoding step costs', curves.map(curvePanel))
  if (profiles.length > 0) await draw('step', 'Where a decoding step goes', [profilePanel(profiles)])
  return figures
}

const heading = (text: string, { date, machine }: BenchRun) => ({
  text,
  subtitle: [`${date.slice(0, 10)}, ${machineText(machine)}`],
})
