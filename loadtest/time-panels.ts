import type { Panel } from '../eval/band-panel.ts'
import { quantity } from '../eval/chart-axis.ts'
import type { LoadRun } from './load-run.ts'

interface TimedValue {
  readonly second: number
  readonly value: number
  readonly series: string
}

const colours = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9', '#F0E442', '#8A8F98']

/** Requests, time to the first token by method, and memory, over the seconds of the run. */
export function timePanels(run: LoadRun): Panel[] {
  const start = Math.min(...run.replies.map(({ at, ms }) => at - ms))
  const second = (at: number) => Math.max(0, (at - start) / 1000)
  const firsts = run.replies.flatMap(({ at, ms, method, text }) =>
    text.length === 0 ? [] : [{ second: second(at - ms), value: text[0]!, series: method }],
  )
  const memory = run.memory.flatMap(({ at, http, engine }) => [
    { second: second(at), value: http, series: 'HTTP process' },
    { second: second(at), value: engine, series: 'engine' },
  ])
  return [
    overTime('Replies', 'a second', 'line', rates(run, second)),
    overTime('Time to first token', 'ms', 'point', evenly(firsts, mostPoints)),
    overTime('Memory', 'MB', 'line', memory),
  ]
}

/** A figure of thousands of points says no more and weighs a megabyte. */
const mostPoints = 600

/** At most `most` of the values, evenly spaced. */
function evenly<Value>(values: readonly Value[], most: number): Value[] {
  const stride = Math.max(1, values.length / most)
  return Array.from({ length: Math.min(most, values.length) }, (_, i) => values[Math.floor(i * stride)]!)
}

/** Replies a second, answers and failures apart, in bins of a sixtieth of the run and at least a second. */
function rates(run: LoadRun, second: (at: number) => number): TimedValue[] {
  const last = Math.max(...run.replies.map(({ at }) => second(at)))
  const width = Math.max(1, last / 60)
  const bins = Math.floor(last / width)
  const series = ['answered', 'failed'] as const
  return series.flatMap((name) =>
    Array.from({ length: bins }, (_, bin) => {
      const inBin = run.replies.filter(
        ({ at, kind }) => Math.floor(second(at) / width) === bin && (kind === 'ok') === (name === 'answered'),
      )
      return { second: bin * width, value: inBin.length / width, series: name }
    }),
  )
}

function overTime(text: string, unit: string, mark: 'line' | 'point', values: readonly TimedValue[]): Panel {
  const domain = [...new Set(values.map(({ series }) => series))]
  return {
    title: { text, fontSize: 13, offset: 8, frame: 'group' },
    width: 230,
    height: 190,
    data: { values: [...values] },
    layer: [
      {
        mark:
          mark === 'line' ? { type: 'line', strokeWidth: 2 } : { type: 'point', filled: true, size: 16, opacity: 0.8 },
        encoding: {
          x: quantity('second', { title: 'seconds' }),
          y: quantity('value', { title: unit, min: 0 }),
          color: {
            field: 'series',
            type: 'nominal',
            scale: { domain, range: colours.slice(0, domain.length) },
            legend: { title: '', columns: 4 },
          },
        },
      },
    ],
    resolve: { scale: { color: 'independent' } },
  }
}
