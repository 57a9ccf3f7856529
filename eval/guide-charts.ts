import { drawArithmeticChart } from './arithmetic-chart.ts'
import { bandPanel, type Panel } from './band-panel.ts'
import type { ChartAxis } from './chart-axis.ts'
import { Curves } from './curves.ts'
import { type TalkGuide, talkGuides } from './guide-cells.ts'
import type { ReportedCell } from './guides-report.ts'
import { type Figure, renderSvg } from './render-svg.ts'

const weightAxis = { field: 'weight', title: 'guide weight', ticks: [-1, -0.5, 0, 0.5, 1, 2] } as const

// Logarithmic but for its beginning: a guide that breaks the language leads far away in a few answers.
const klTicks = [0, 1, 3, 10, 30, 100, 300]
const klAxis = { field: 'kl', title: 'KL from base (nats/answer)', type: 'symlog', min: 0, ticks: klTicks } as const

const measures = {
  positivity: { title: 'positivity', domain: [-1, 1] },
  formality: { title: 'formality', domain: [-1, 1] },
  sentences: { title: 'sentences per answer', type: 'log', domain: [1, 16], ticks: [1, 2, 4, 8, 16] },
  onSubject: { title: 'well-formed and on subject', domain: [0, 1], format: '%' },
} as const satisfies Readonly<Record<string, ChartAxis>>

/** What each guide was trained to move. */
const rewardOf: Readonly<Record<TalkGuide, keyof typeof measures>> = {
  positive: 'positivity',
  formal: 'formality',
  concise: 'sentences',
}

/** All figures that the measured cells suffice for. */
export async function drawGuideCharts(cells: readonly ReportedCell[]): Promise<readonly Figure[]> {
  const curves = new Curves(cells)
  const guides = talkGuides.filter((guide) => curves.has(guide))
  const arithmetic = { name: 'arithmetic', svg: await drawArithmeticChart(cells) }
  if (guides.length === 0) return [arithmetic]
  return [
    arithmetic,
    { name: 'guides', svg: await drawRewards(curves, guides, weightAxis) },
    { name: 'guides-kl', svg: await drawRewards(curves, guides, klAxis) },
    { name: 'guides-side-effects', svg: await drawSideEffects(curves, guides) },
  ]
}

/** One panel per guide: what it was trained for, beside the control. */
function drawRewards(
  curves: Curves,
  guides: readonly TalkGuide[],
  x: typeof weightAxis | typeof klAxis,
): Promise<string> {
  const panels = guides.map((guide) => {
    const measure = rewardOf[guide]
    const points = [...curves.guide(guide, measure), ...curves.control(measure)]
    return bandPanel(points, { title: guide, x, y: measures[measure] })
  })
  return side(panels, x === klAxis ? 'Reward against distance from the base' : 'Reward against weight')
}

/** One panel per measure: what every guide does to it, meant or not. */
function drawSideEffects(curves: Curves, guides: readonly TalkGuide[]): Promise<string> {
  const panels = Object.entries(measures).map(([measure, y]) => {
    const points = [...guides.flatMap((guide) => curves.guide(guide, measure)), ...curves.control(measure)]
    return bandPanel(points, { title: y.title, x: weightAxis, y: { ...y, title: '' } })
  })
  return side(panels, 'Every measure under every guide', 2)
}

function side(panels: readonly Panel[], text: string, columns = panels.length): Promise<string> {
  // Short lines: without a canvas Vega guesses the width of text, and guesses high.
  const subtitle = [
    '95 % confidence intervals. Control: the base sharpened',
    'as much, which is what an untrained guide would do.',
  ]
  const own = columns === panels.length ? 'independent' : 'shared'
  const resolve = { scale: { color: own, strokeDash: own } } as const
  return renderSvg({
    title: { text, subtitle },
    concat: [...panels],
    columns,
    resolve,
    spacing: 28,
    align: columns === panels.length ? 'none' : 'all',
  })
}
