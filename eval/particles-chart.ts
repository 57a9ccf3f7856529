import type { Panel } from './band-panel.ts'
import { quantity } from './chart-axis.ts'
import type { Contest } from './particles-command.ts'
import { renderSvg } from './render-svg.ts'

/** One panel per task: what answers are worth by rule, particles beside best-of-N at equal tokens. */
export function drawParticlesChart(contests: readonly Contest[]): Promise<string> {
  const tasks = [...new Set(contests.map(({ task }) => task))]
  return renderSvg({
    title: {
      text: 'Particles and best-of-N at equal decoded tokens',
      subtitle: ['95 % confidence intervals; best-of-N never decodes fewer tokens.'],
    },
    concat: tasks.map((task) => panel(contests.filter((contest) => contest.task === task))),
    columns: 3,
    spacing: 28,
  })
}

const methods = ['particles', 'best-of-N']

function panel(contests: readonly Contest[]): Panel {
  const { task } = contests[0]!
  const values = contests.flatMap(({ n, worth }) => [
    { n: `${n} particles`, method: methods[0], ...worth.particles },
    { n: `${n} particles`, method: methods[1], ...worth.bestOf },
  ])
  const axis = { title: task.truth?.name ?? task.reward }
  const place = {
    x: { field: 'n', type: 'nominal', sort: null, title: '', axis: { labelAngle: 0 } },
    xOffset: { field: 'method', type: 'nominal', sort: methods },
    color: {
      field: 'method',
      type: 'nominal',
      scale: { domain: methods, range: ['#D55E00', '#0072B2'] },
      legend: { title: '' },
    },
  } as const
  return {
    title: { text: `${task.name}, judged by ${task.reward}`, fontSize: 13, offset: 8, frame: 'group', limit: 400 },
    width: 60 + 90 * contests.length,
    height: 210,
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { ...place, y: quantity('low', axis), y2: { field: 'high' } },
      },
      {
        mark: { type: 'point', filled: true, size: 50, opacity: 1 },
        encoding: { ...place, y: quantity('estimate', axis) },
      },
    ],
  }
}
