import { controlCell, guidedCell } from './cell.ts'
import { reasonerWeights } from './guide-cells.ts'
import type { ReportedCell } from './guides-report.ts'
import { renderSvg } from './render-svg.ts'

const modes = ['temperature 1', 'greedy'] as const

/** Share of sums worked out without a mistake, by the base and with the reasoner at each weight. */
export function drawArithmeticChart(cells: readonly ReportedCell[]): Promise<string> {
  const values = policies.flatMap(({ policy, mode, name }) => {
    const sound = cells.find((cell) => cell.name === name)?.measures['sound']
    return sound === undefined ? [] : [{ policy, mode, ...sound }]
  })
  const place = {
    x: { field: 'policy', type: 'nominal', sort: null, title: '', axis: { labelAngle: 0, labelFontSize: 12 } },
    xOffset: { field: 'mode', type: 'nominal', sort: [...modes] },
  } as const
  const scale = { domain: [0, 1] }
  const height = { field: 'estimate', type: 'quantitative', title: 'sound sums', scale, axis: { format: '%' } } as const
  const color = {
    field: 'mode',
    type: 'nominal',
    scale: { domain: [...modes], range: ['#0072B2', '#E69F00'] },
    legend: { title: '' },
  } as const
  const span = { y: { field: 'low', type: 'quantitative' }, y2: { field: 'high' } } as const
  return renderSvg({
    title: {
      text: 'Sums worked out soundly: right answer, every step right',
      subtitle: [
        '95 % confidence intervals. base²: the base sharpened,',
        'which is what an untrained module would do.',
      ],
    },
    width: 560,
    height: 260,
    data: { values },
    layer: [
      { mark: { type: 'bar', opacity: 0.85 }, encoding: { ...place, y: height, color } },
      { mark: { type: 'rule', color: '#1f2328', strokeWidth: 1.5 }, encoding: { ...place, ...span } },
      {
        mark: { type: 'text', dy: -6, fontSize: 11, color: '#1f2328' },
        encoding: {
          ...place,
          y: { field: 'high', type: 'quantitative' },
          text: { field: 'estimate', type: 'quantitative', format: '.0%' },
        },
      },
    ],
  })
}

const policies = [
  { policy: 'base', mode: modes[0], name: guidedCell('sums', {}).name },
  { policy: 'base', mode: modes[1], name: guidedCell('sums', {}, true).name },
  { policy: 'base²', mode: modes[0], name: controlCell('sums', 1).name },
  ...reasonerWeights.flatMap((reasoner) =>
    modes.map((mode) => ({
      policy: `+ reasoner × ${reasoner}`,
      mode,
      name: guidedCell('sums', { reasoner }, mode === 'greedy').name,
    })),
  ),
]
