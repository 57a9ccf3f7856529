import type { Panel } from '../../eval/band-panel.ts'
import { quantity } from '../../eval/chart-axis.ts'
import { renderSvg } from '../../eval/render-svg.ts'
import type { ModePoint } from '../questions/modes.ts'

const colours = ['#0072B2', '#56B4E9', '#D55E00', '#009E73']

/** Tokens a second of every mode: points measured, lines by the formula. */
export async function modesChart(points: readonly ModePoint[]): Promise<string> {
  return await renderSvg({
    title: {
      text: 'Which way of guiding an engine is fastest',
      subtitle: ['one stream; points measured over an engine that only takes its time, lines by the formula'],
    },
    concat: [
      panel(points, 'acceptance', { title: 'acceptance (round trip 3 ms)' }),
      panel(points, 'round trip', { title: 'round trip, ms (acceptance 0.8)', type: 'log', format: '~r' }),
    ],
    spacing: 28,
  })
}

function panel(points: readonly ModePoint[], sweep: ModePoint['sweep'], x: Parameters<typeof quantity>[1]): Panel {
  const values = points.filter((point) => point.sweep === sweep)
  const modes = [...new Set(values.map(({ mode }) => mode))]
  const color = {
    field: 'mode',
    type: 'nominal',
    scale: { domain: modes, range: colours },
    legend: { title: '', symbolType: 'stroke', symbolSize: 500, labelLimit: 240 },
  } as const
  const up = (field: string) => quantity(field, { title: 'tokens/s', min: 0 })
  return {
    width: 300,
    height: 220,
    data: { values },
    layer: [
      { mark: { type: 'line', strokeWidth: 1.5 }, encoding: { x: quantity('x', x), y: up('formula'), color } },
      {
        mark: { type: 'point', filled: true, size: 44, opacity: 1 },
        transform: [{ filter: 'isValid(datum.measured)' }],
        encoding: { x: quantity('x', x), y: up('measured'), color },
      },
    ],
  }
}
