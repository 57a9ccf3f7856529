import { type Cell, controlCell, guidedCell, type Weights } from './cell.ts'
import type { Topic } from './held-out.ts'
import { bootstrapInterval, type Interval } from './interval.ts'
import { type Measured, summarise } from './measures.ts'

/** Comparisons of policies by one measure, prompt by prompt. */
export class Comparison {
  readonly #measured: Measured

  constructor(measured: Measured) {
    this.#measured = measured
  }

  measure(cell: Cell, column: string): Interval {
    return summarise(this.#measured.get(cell.name)!, column)
  }

  /** one - other */
  difference(one: Cell, other: Cell, column: string): Interval {
    return this.#statistic([one, other], column, ([a, b]) => a! - b!)
  }

  /** one / other */
  ratio(one: Cell, other: Cell, column: string): Interval {
    return this.#statistic([one, other], column, ([a, b]) => a! / b!)
  }

  /** How much of what a guide does alone it still does in company: (together - base) / (alone - base). */
  keptEffect(together: Cell, alone: Cell, column: string): Interval {
    const cells = [together, alone, guidedCell(alone.topic, {})]
    return this.#statistic(cells, column, ([a, b, base]) => (a! - base!) / (b! - base!))
  }

  /** The smallest step of the measure from one policy to the next; above 0, it rises all along. */
  smallestStep(cells: readonly Cell[], column: string): Interval {
    const steps = (means: readonly number[]) => means.slice(1).map((value, i) => value - means[i]!)
    return this.#statistic(cells, column, (means) => Math.min(...steps(means)))
  }

  #statistic(cells: readonly Cell[], column: string, combine: (means: readonly number[]) => number): Interval {
    const all = cells.map(({ name }) => this.#measured.get(name)!.map((row) => Number(row[column])))
    return bootstrapInterval(all[0]!.length, (indices) => {
      return combine(all.map((values) => indices.reduce((sum, index) => sum + values[index]!, 0) / indices.length))
    })
  }
}

/** Short names for the cells that bars speak of. */
export const base = (topic: Topic): Cell => guidedCell(topic, {})
export const talk = (weights: Weights): Cell => guidedCell('talk', weights)
export const control = (weight: number): Cell => controlCell('talk', weight)
