import type { Panel } from '../../eval/band-panel.ts'
import { quantity } from '../../eval/chart-axis.ts'
import type { Curve } from '../finding.ts'

const measured = '#0072B2'
const fitted = '#8A8F98'

/** Measured points, and the line that the law says they follow, dashed. */
export function curvePanel({ name, x, y, points, line }: Curve): Panel {
  const values = points.map((point) => ({ x: point.x, y: point.y, line: line.offset + line.slope * point.x }))
  const log = points.every((point) => point.x > 0)
  const across = quantity('x', { title: x, ...(log ? { type: 'log', format: '~s' } : {}) })
  const up = (field: string) => quantity(field, { title: y, min: 0 })
  return {
    title: { text: name, fontSize: 13, offset: 8, frame: 'group' },
    width: 230,
    height: 180,
    data: { values },
    layer: [
      { mark: { type: 'line', strokeDash: [5, 4], color: fitted }, encoding: { x: across, y: up('line') } },
      {
        mark: { type: 'point', filled: true, size: 40, opacity: 1, color: measured },
        encoding: { x: across, y: up('y') },
      },
    ],
  }
}
