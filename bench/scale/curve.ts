import type { Curve } from '../finding.ts'
import { fitLine, fitPowerLaw, growth } from '../measures/power-law.ts'
import { describe } from '../measures/spread.ts'
import { number } from '../measures/table.ts'
import type { ProbeAnswer } from './probe-job.ts'

/** The curve through measured points; a point is the median of its rounds, in milliseconds a step. */
export function curveOf(
  names: Pick<Curve, 'name' | 'x' | 'law' | 'mostExponent'>,
  xs: readonly number[],
  answers: readonly ProbeAnswer['points'][number][],
  sequencesOf: (index: number) => number,
): Curve {
  const points = answers.map(({ stepSeconds, kvBytes, peakMib }, i) => ({
    x: xs[i]!,
    y: 1000 * describe(stepSeconds).median,
    kvBytes: kvBytes / sequencesOf(i),
    peakMib,
  }))
  return { ...names, y: 'ms a step', points, line: fitLine(points), power: fitPowerLaw(points) }
}

/** Rounds carry noise, and so do exponents: by so much either may be off before a law counts as broken. */
const exponentSlack = 0.2
const lineError = 0.1

/** A law is broken where a steeper one explains the points, and a line does not. */
export function curveVerdict({ points, line, power, mostExponent }: Curve): string {
  if (growth(points) < 1.25) return 'hardly grows'
  return line.error <= lineError || power.exponent <= mostExponent + exponentSlack ? 'follows' : 'grows faster'
}

export function curveTable(curves: readonly Curve[]): string {
  const head = [
    'step time against',
    'law',
    'fitted line, ms',
    'fitted exponent',
    'first .. last, ms',
    'K/V of a sequence, MiB',
    'peak memory, MiB',
    'verdict',
  ]
  const rows = curves.map((curve) => {
    const [first, last] = [curve.points[0]!, curve.points.at(-1)!]
    const range = (of: (point: Curve['points'][number]) => number | undefined) =>
      `${number(of(first) ?? Number.NaN)} .. ${number(of(last) ?? Number.NaN)}`
    return [
      `${curve.name} (${Math.round(first.x)} to ${Math.round(last.x)} ${curve.x})`,
      curve.law,
      `${number(curve.line.offset)} + ${number(curve.line.slope)} x (error ${(100 * curve.line.error).toFixed(0)} %)`,
      number(curve.power.exponent),
      range(({ y }) => y),
      range(({ kvBytes }) => (kvBytes ?? Number.NaN) / 2 ** 20),
      range(({ peakMib }) => peakMib),
      curveVerdict(curve),
    ]
  })
  return [head, head.map(() => '---'), ...rows].map((line) => `| ${line.join(' | ')} |`).join('\n')
}
