import { machineText } from '../bench/measures/machine.ts'
import type { Panel } from '../eval/band-panel.ts'
import { quantity } from '../eval/chart-axis.ts'
import { renderSvg } from '../eval/render-svg.ts'
import { summariesOf } from './load-markdown.ts'
import type { LoadRun } from './load-run.ts'
import type { LoadTest } from './load-tests.ts'
import type { GroupSummary } from './summary.ts'
import { timePanels } from './time-panels.ts'

const range = ['#0072B2', '#D55E00', '#009E73', '#8A8F98']

/** A ramp as curves over the offered rate, everything else over time. */
export async function loadFigure(run: LoadRun, test: LoadTest): Promise<string> {
  const panels = test.groupedBy === 'stage' ? saturationPanels(summariesOf(run, test)) : timePanels(run)
  const subtitle = [`${run.date.slice(0, 10)}, ${machineText(run.machine)}`]
  return await renderSvg({
    title: { text: `Load test: ${run.test}`, subtitle },
    concat: [...panels],
    columns: test.groupedBy === 'stage' ? 2 : 3,
    spacing: 28,
  })
}

function saturationPanels(stages: readonly GroupSummary[]): Panel[] {
  const answers = stages.flatMap((stage) => [
    { offered: Number(stage.name), series: 'answered', value: stage.answersPerSecond },
    { offered: Number(stage.name), series: 'offered', value: Number(stage.name) },
  ])
  const tokens = stages.map((stage) => ({
    offered: Number(stage.name),
    series: 'generated',
    value: stage.tokensPerSecond,
  }))
  const latency = (of: 'ttft' | 'interToken') =>
    stages.flatMap((stage) =>
      (['p50', 'p95', 'p99'] as const).map((series) => ({
        offered: Number(stage.name),
        series,
        value: stage[of]?.[series] ?? null,
      })),
    )
  return [
    overOffered('Answers', 'requests/s', 'log', answers),
    overOffered('Tokens', 'tokens/s', 'linear', tokens),
    overOffered('Time to first token', 'ms', 'log', latency('ttft')),
    overOffered('Between tokens', 'ms', 'log', latency('interToken')),
  ]
}

interface Value {
  readonly offered: number
  readonly series: string
  readonly value: number | null
}

function overOffered(text: string, unit: string, type: 'linear' | 'log', values: readonly Value[]): Panel {
  const domain = [...new Set(values.map(({ series }) => series))]
  const encoding = {
    x: quantity('offered', { title: 'offered, requests/s', type: 'log' }),
    y: quantity('value', { title: unit, type, ...(type === 'linear' ? { min: 0 } : {}) }),
    color: {
      field: 'series',
      type: 'nominal',
      scale: { domain, range: range.slice(0, domain.length) },
      legend: domain.length > 1 ? { title: '' } : null,
    },
  } as const
  return {
    title: { text, fontSize: 13, offset: 8, frame: 'group' },
    width: 230,
    height: 190,
    data: { values: [...values] },
    layer: [{ mark: { type: 'line', strokeWidth: 2, point: { filled: true, size: 36, opacity: 1 } }, encoding }],
    resolve: { scale: { color: 'independent' } },
  }
}
