import type { WireParticles } from '../state/genealogy.ts'
import { essY, left, xOf } from './lineage-layout.ts'

interface Props {
  readonly steps: NonNullable<WireParticles>['steps']
  readonly n: number
  /** Share of n below which is resampled. */
  readonly threshold: number
}

/** The effective sample size at each checkpoint, before resampling. */
export function EssCurve({ steps, n, threshold }: Props) {
  const points = steps.map(({ ess }, j) => ({ x: xOf(j, steps.length), y: essY(ess / n, n), ess }))
  const right = xOf(steps.length - 1, steps.length)
  return (
    <g class="ess">
      <text class="axis" x={left - 10} y={essY(1, n) - 20}>
        effective sample size
      </text>
      <line class="floor" x1={left} x2={right} y1={essY(0, n)} y2={essY(0, n)} />
      {threshold > 1 ? null : (
        <line class="threshold" x1={left} x2={right} y1={essY(threshold, n)} y2={essY(threshold, n)} />
      )}
      <polyline points={points.map(({ x, y }) => `${x},${y}`).join(' ')} />
      {points.map(({ x, y, ess }) => (
        <g key={x}>
          <circle cx={x} cy={y} r={3} />
          <text x={x + 6} y={y - 5}>
            {ess.toFixed(1)}
          </text>
        </g>
      ))}
    </g>
  )
}
