import type { Panel } from './band-panel.ts'
import { quantity } from './chart-axis.ts'
import { renderSvg } from './render-svg.ts'
import type { StreamingStart } from './streaming-start-command.ts'

/** Per task: the share of runs that have begun to stream, over how much of the answer is decoded. */
export function drawStreamingChart(found: readonly StreamingStart[]): Promise<string> {
  const tasks = [...new Set(found.map(({ task }) => task))]
  return renderSvg({
    title: {
      text: 'When particles begin to stream',
      subtitle: [
        '4 particles, judged every 8 tokens. Dashed: the bar, 80 % of runs',
        'before half of the answer is decoded.',
      ],
    },
    concat: tasks.map((task) => panel(found.filter((start) => start.task === task))),
    columns: 3,
    spacing: 28,
  })
}

const grey = '#8A8F98'
const colours = ['#0072B2', '#009E73', '#CC79A7', '#D55E00']

function panel(found: readonly StreamingStart[]): Panel {
  const decoded = { title: 'share of the answer decoded', domain: [0, 1], format: '%' } as const
  const runs = { title: 'runs that stream', domain: [0, 1], format: '%' } as const
  const values = found.flatMap(({ setting, starts }) =>
    Array.from({ length: 41 }, (_, i) => i / 40).map((x) => {
      return { setting, x, share: starts.filter((start) => start <= x).length / starts.length }
    }),
  )
  const settings = found.map(({ setting }) => setting)
  const color = {
    field: 'setting',
    type: 'nominal',
    scale: { domain: settings, range: colours },
    legend: { title: '', columns: 1, labelLimit: 300 },
  } as const
  return {
    title: { text: found[0]!.task.name, fontSize: 13, offset: 8, frame: 'group' },
    width: 230,
    height: 210,
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeDash: [5, 4], color: grey },
        data: { values: [{ x: 0.5 }] },
        encoding: { x: quantity('x', decoded) },
      },
      {
        mark: { type: 'rule', strokeDash: [5, 4], color: grey },
        data: { values: [{ share: 0.8 }] },
        encoding: { y: quantity('share', runs) },
      },
      {
        mark: { type: 'line', interpolate: 'step-after', strokeWidth: 2 },
        encoding: { x: quantity('x', decoded), y: quantity('share', runs), color },
      },
    ],
  }
}
