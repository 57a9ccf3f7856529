import type { Panel } from '../../eval/band-panel.ts'
import type { StepProfile } from '../finding.ts'

const palette = ['#0072B2', '#D55E00', '#009E73', '#E69F00', '#56B4E9', '#CC79A7', '#8A8F98', '#4b5159', '#c9cdd2']
const shown = 6

/** Parts of a step's time: the dearest kinds of nodes, the others, the executor between them, and what is outside the graph. */
export function stepParts({
  stepUs,
  graphUs,
  operators,
}: StepProfile): { readonly part: string; readonly us: number }[] {
  const inNodes = operators.reduce((sum, { us }) => sum + us, 0)
  const dearest = operators.slice(0, shown).map(({ name, us }) => ({ part: name, us }))
  const others = operators.slice(shown).reduce((sum, { us }) => sum + us, 0)
  return [
    ...dearest,
    { part: 'other nodes', us: others },
    { part: 'between nodes', us: Math.max(0, graphUs - inNodes) },
    { part: 'outside the graph', us: Math.max(0, stepUs - graphUs) },
  ]
}

export function profilePanel(profiles: readonly StepProfile[]): Panel {
  const values = profiles.flatMap((profile) => {
    const label = `${profile.rows} row${profile.rows === 1 ? '' : 's'}`
    return stepParts(profile).map(({ part, us }, order) => ({ label, part, order, ms: us / 1000 }))
  })
  const parts = [...new Set(values.map(({ part }) => part))]
  return {
    width: 420,
    height: { step: 30 },
    data: { values },
    mark: { type: 'bar' },
    encoding: {
      x: { field: 'ms', type: 'quantitative', title: 'ms a step', stack: 'zero' },
      y: { field: 'label', type: 'nominal', title: null, sort: null },
      order: { field: 'order', type: 'quantitative' },
      color: {
        field: 'part',
        type: 'nominal',
        sort: null,
        scale: { domain: parts, range: parts.map((_, i) => palette[i % palette.length]!) },
        legend: { title: '', columns: 4, labelLimit: 400 },
      },
    },
  }
}
