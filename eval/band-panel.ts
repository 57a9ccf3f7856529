import type { TopLevelSpec } from 'vega-lite'
import { type ChartAxis, quantity } from './chart-axis.ts'
import type { CurvePoint } from './curves.ts'
import { colours } from './render-svg.ts'

/** A part of a figure. */
export type Panel = Extract<TopLevelSpec, { hconcat: unknown }>['hconcat'][number]

export interface BandPanelOptions {
  readonly title: string
  readonly x: ChartAxis & { readonly field: 'weight' | 'kl' }
  readonly y: ChartAxis
}

/** Estimates as points on lines, their 95 % intervals as bands over the weight and as whiskers over the KL. */
export function bandPanel(points: readonly CurvePoint[], { title, x, y }: BandPanelOptions): Panel {
  const { color, dash } = channelsOf(points)
  const across = quantity(x.field, x)
  const estimate = { x: across, y: quantity('estimate', y), color }
  const interval = { x: across, y: quantity('low', y), y2: { field: 'high' }, color }
  // In order of weight: over the KL a curve turns back at the base.
  const order = { field: 'weight', type: 'quantitative' } as const
  return {
    title: { text: title, fontSize: 13, offset: 8, frame: 'group' },
    width: 230,
    height: 210,
    data: { values: [...points] },
    layer: [
      x.field === 'weight'
        ? { mark: { type: 'area', opacity: 0.18 }, encoding: interval }
        : { mark: { type: 'rule', strokeWidth: 1.5 }, encoding: interval },
      { mark: { type: 'line', strokeWidth: 2 }, encoding: { ...estimate, strokeDash: dash, order } },
      { mark: { type: 'point', filled: true, size: 36, opacity: 1 }, encoding: estimate },
    ],
  }
}

/** Each series has its colour; the control is dashed too. */
function channelsOf(points: readonly CurvePoint[]) {
  const series = [...new Set(points.map((point) => point.series))]
  const legend = { title: '', symbolType: 'stroke', symbolSize: 500 } as const
  const colourOf = (name: string) => colours[name as keyof typeof colours]
  const color = {
    field: 'series',
    type: 'nominal',
    scale: { domain: series, range: series.map(colourOf) },
    legend,
  } as const
  const dashes = series.map((name) => (name === 'control' ? [5, 4] : [1, 0]))
  return { color, dash: { ...color, scale: { domain: series, range: dashes } } }
}
