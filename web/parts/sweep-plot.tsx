import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { SweepPlan, SweepPoint } from '../state/sweep.ts'
import { theme } from '../state/view.ts'

interface Props {
  readonly points: readonly SweepPoint[]
  readonly plan: SweepPlan
  readonly title: string
  /** The pointer is at this point; -1: at none. */
  readonly onPoint: (index: number) => void
}

/** Mean reward by weight, with its standard error as a band; drawn anew with each point. */
export function SweepPlot({ points, plan, title, onPoint }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot>(null)
  useEffect(() => {
    const element = box.current
    if (element === null) return
    const drawn = new uPlot(optionsOf(plan, title, element.clientWidth, onPoint), [[], [], [], []], element)
    plot.current = drawn
    const resized = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height }))
    resized.observe(element)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    const redraw = () => drawn.redraw()
    scheme.addEventListener('change', redraw)
    const unsubscribe = theme.subscribe(() => queueMicrotask(redraw))
    return () => {
      scheme.removeEventListener('change', redraw)
      unsubscribe()
      resized.disconnect()
      drawn.destroy()
    }
  }, [plan, title])
  useEffect(() => plot.current?.setData(columnsOf(points)), [points])
  return (
    <div
      class="plot"
      ref={box}
      role="img"
      aria-label={`${plan.reward} against the weight of ${title}: ${points.map(({ weight, mean }) => `${weight}: ${mean.toFixed(2)}`).join(', ')}`}
    />
  )
}

const height = 260

function columnsOf(points: readonly SweepPoint[]): uPlot.AlignedData {
  return [
    points.map(({ weight }) => weight),
    points.map(({ mean }) => mean),
    points.map(({ mean, error }) => mean - error),
    points.map(({ mean, error }) => mean + error),
  ]
}

const colour = (name: string) => () => getComputedStyle(document.documentElement).getPropertyValue(name).trim()

function optionsOf(plan: SweepPlan, title: string, width: number, onPoint: Props['onPoint']): uPlot.Options {
  const axis = {
    stroke: colour('--muted-ink'),
    grid: { stroke: colour('--line-ink'), width: 1 },
    ticks: { stroke: colour('--line-ink'), width: 1 },
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false },
    scales: { x: { time: false, range: [Math.min(plan.from, plan.to), Math.max(plan.from, plan.to)] } },
    axes: [
      { ...axis, label: `weight of ${title}` },
      { ...axis, label: plan.reward },
    ],
    series: [
      {},
      { stroke: colour('--accent-ink'), width: 2, points: { show: true, size: 7, fill: colour('--accent-ink') } },
      { stroke: 'transparent', points: { show: false } },
      { stroke: 'transparent', points: { show: false } },
    ],
    bands: [{ series: [3, 2], fill: colour('--band-ink') }],
    hooks: { setCursor: [({ cursor }) => onPoint(cursor.idx ?? -1)] },
  }
}
