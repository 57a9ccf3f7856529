import type { MeasuredMethod } from './arithmetic-command.ts'
import { quantity } from './chart-axis.ts'
import { renderSvg } from './render-svg.ts'

/** Share of sound sums against what an answer costs, each method by its name. */
export function drawMethodsChart(methods: readonly MeasuredMethod[]): Promise<string> {
  const values = methods.map(({ name, sound, generated }) => ({
    name,
    ...sound,
    tokens: generated.estimate,
    kind: name.startsWith('reasoner') ? kinds[1] : kinds[0],
  }))
  const method = {
    field: 'name',
    type: 'nominal',
    sort: values.map(({ name }) => name),
    title: '',
    axis: { labelLimit: 300 },
  } as const
  const share = { title: 'sound sums', domain: [0, 1], format: '%' } as const
  const color = {
    field: 'kind',
    type: 'nominal',
    scale: { domain: [...kinds], range: ['#0072B2', '#E69F00'] },
    legend: { title: '', labelLimit: 300 },
  } as const
  const labels = [
    { field: 'estimate', x: 1.02, format: '.0%' },
    { field: 'tokens', x: 1.12, format: '.0f' },
  ]
  return renderSvg({
    title: {
      text: 'Sums worked out soundly, by method',
      subtitle: [
        '95 % confidence intervals. Right: the share, and decoded tokens',
        'per answer, all candidates together.',
      ],
    },
    width: 480,
    height: 28 * values.length,
    padding: { left: 16, top: 16, bottom: 16, right: 60 },
    data: { values },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { y: method, x: quantity('low', share), x2: { field: 'high' }, color },
      },
      {
        mark: { type: 'point', filled: true, size: 60, opacity: 1 },
        encoding: { y: method, x: quantity('estimate', share), color },
      },
      ...labels.map(({ field, x, format }) => ({
        mark: { type: 'text', align: 'left', fontSize: 11, color: '#1f2328', clip: false } as const,
        encoding: { y: method, x: { value: 480 * x }, text: { field, type: 'quantitative', format } as const },
      })),
    ],
  })
}

const kinds = ['the base', 'with reasoner'] as const
