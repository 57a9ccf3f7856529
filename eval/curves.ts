import { controlCell, guidedCell } from './cell.ts'
import { negativeWeights, positiveWeights, type TalkGuide } from './guide-cells.ts'
import type { ReportedCell } from './guides-report.ts'
import type { Interval } from './interval.ts'

/** One point of a figure. */
export interface CurvePoint extends Interval {
  readonly series: string
  readonly weight: number
  /** Nats per answer away from the base. */
  readonly kl: number
}

/** The measures of all cells, as points of curves over the weight. */
export class Curves {
  readonly #cells: ReadonlyMap<string, ReportedCell>

  constructor(cells: readonly ReportedCell[]) {
    this.#cells = new Map(cells.map((cell) => [cell.name, cell]))
  }

  has(guide: TalkGuide): boolean {
    return this.#cells.has(guidedCell('talk', { [guide]: 1 }).name)
  }

  /** A measure over all weights under one guide. */
  guide(guide: TalkGuide, measure: string): readonly CurvePoint[] {
    return [...negativeWeights, 0, ...positiveWeights].map((weight) => {
      const cell = guidedCell('talk', weight === 0 ? {} : { [guide]: weight })
      return this.#point(cell.name, measure, guide, weight)
    })
  }

  /** The same under an untrained guide: in the relative form, which negative weights take, it changes nothing. */
  control(measure: string): readonly CurvePoint[] {
    return [...negativeWeights, 0, ...positiveWeights].map((weight) => {
      const cell = weight <= 0 ? guidedCell('talk', {}) : controlCell('talk', weight)
      return this.#point(cell.name, measure, 'control', weight)
    })
  }

  #point(cell: string, measure: string, series: string, weight: number): CurvePoint {
    const { measures } = this.#cells.get(cell)!
    return { ...measures[measure]!, series, weight, kl: measures['kl']!.estimate }
  }
}
