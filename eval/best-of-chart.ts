import type { Panel } from './band-panel.ts'
import type { BestOfPoint } from './best-of-curve.ts'
import { type ChartAxis, quantity } from './chart-axis.ts'
import { renderSvg } from './render-svg.ts'
import type { Task } from './task.ts'

export interface BestOfTask {
  readonly task: Task
  readonly points: readonly BestOfPoint[]
}

/** Per task: reward over n, KL over n, reward over KL; the law's curve with its band, the measured means with whiskers. */
export function drawBestOfChart(tasks: readonly BestOfTask[]): Promise<string> {
  return renderSvg({
    title: {
      text: 'Best-of-N: measured, and as its law foretells',
      subtitle: [
        'Line and band: from independent samples of the base, with 95 % intervals.',
        'Points: best-of-N as served. Dashed: log n - (n - 1) / n.',
      ],
    },
    concat: tasks.flatMap(panels),
    columns: 3,
    spacing: 28,
  })
}

const blue = '#0072B2'
const orange = '#D55E00'

function panels({ task, points }: BestOfTask): readonly Panel[] {
  const rows = points.map((point) => ({
    n: point.n,
    bound: point.klBound,
    reward: point.expectedReward.estimate,
    rewardLow: point.expectedReward.low,
    rewardHigh: point.expectedReward.high,
    measured: point.measuredReward.estimate,
    measuredLow: point.measuredReward.low,
    measuredHigh: point.measuredReward.high,
    kl: point.expectedKl.estimate,
    klLow: point.expectedKl.low,
    klHigh: point.expectedKl.high,
    measuredKl: point.measuredKl.estimate,
    measuredKlLow: point.measuredKl.low,
    measuredKlHigh: point.measuredKl.high,
  }))
  const n: ChartAxis = { title: 'n', type: 'log', ticks: points.map((point) => point.n) }
  const reward: ChartAxis = { title: task.reward }
  const kl: ChartAxis = { title: 'KL from base (nats/answer)' }
  const title = (text: string) => ({ text, fontSize: 13, offset: 8, frame: 'group' }) as const
  const size = { width: 230, height: 210, data: { values: rows } } as const
  const layers = (
    { x, y, low, high }: Record<'x' | 'y' | 'low' | 'high', string>,
    xAxis: ChartAxis,
    yAxis: ChartAxis,
  ) => {
    const across = quantity(x, xAxis)
    const span = (from: string, to: string) => ({ y: quantity(from, yAxis), y2: { field: to } })
    return [
      { mark: { type: 'area', opacity: 0.18, color: blue }, encoding: { x: across, ...span(low, high) } },
      { mark: { type: 'line', strokeWidth: 2, color: blue }, encoding: { x: across, y: quantity(y, yAxis) } },
    ] as const
  }
  const dots = (fields: Record<'x' | 'y' | 'low' | 'high', string>, xAxis: ChartAxis, yAxis: ChartAxis) => {
    const across = quantity(fields.x, xAxis)
    return [
      {
        mark: { type: 'rule', strokeWidth: 1.5, color: orange },
        encoding: { x: across, y: quantity(fields.low, yAxis), y2: { field: fields.high } },
      },
      {
        mark: { type: 'point', filled: true, size: 40, opacity: 1, color: orange },
        encoding: { x: across, y: quantity(fields.y, yAxis) },
      },
    ] as const
  }
  const expectedReward = { y: 'reward', low: 'rewardLow', high: 'rewardHigh' }
  const measuredReward = { y: 'measured', low: 'measuredLow', high: 'measuredHigh' }
  return [
    {
      ...size,
      title: title(`${task.name}: reward`),
      layer: [...layers({ x: 'n', ...expectedReward }, n, reward), ...dots({ x: 'n', ...measuredReward }, n, reward)],
    },
    {
      ...size,
      title: title(`${task.name}: KL`),
      layer: [
        {
          mark: { type: 'line', strokeDash: [5, 4], color: '#8A8F98' },
          encoding: { x: quantity('n', n), y: quantity('bound', kl) },
        },
        ...layers({ x: 'n', y: 'kl', low: 'klLow', high: 'klHigh' }, n, kl),
        ...dots({ x: 'n', y: 'measuredKl', low: 'measuredKlLow', high: 'measuredKlHigh' }, n, kl),
      ],
    },
    {
      ...size,
      title: title(`${task.name}: reward over KL`),
      layer: [
        ...layers({ x: 'kl', ...expectedReward }, kl, reward),
        ...dots({ x: 'measuredKl', ...measuredReward }, kl, reward),
      ],
    },
  ]
}
