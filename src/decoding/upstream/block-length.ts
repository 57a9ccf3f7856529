import type { DraftRates } from './draft-rates.ts'

/** Lengths that are tried. */
const lengths = [1, 2, 4, 8, 16, 32] as const
/** Weight of everything before an observation. */
const memory = 0.97
/** Before anything is measured: a round trip, with the guides' part, costs as much as this many tokens. */
const presumedFixedCost = 4
/** Before anything is measured: what a token of a further draft costs, beside one of the first. */
const presumedFurtherCost = 0.25

/** Tokens that a block of `length` yields on average when each is accepted with probability `acceptance`. */
export function expectedTokens(acceptance: number, length: number): number {
  return acceptance >= 1 ? length : (1 - acceptance ** length) / (1 - acceptance)
}

/** What a round drafts. */
export interface RoundShape {
  readonly length: number
  readonly drafts: number
}

/**
 * Tokens that a round yields on average. Further drafts count at the first position only: behind it hardly ever two of them
 * still agree.
 */
export function expectedYield({ length, drafts }: RoundShape, { acceptance, further }: DraftRates): number {
  if (length === 1) return 1
  const first = 1 - (1 - acceptance) * (1 - further) ** (drafts - 1)
  return 1 + first * expectedTokens(acceptance, length - 1)
}

/** What a round costs: fixed + length * (perToken + (drafts - 1) * perFurther), in milliseconds. */
export interface RoundCost {
  readonly fixed: number
  readonly perToken: number
  readonly perFurther: number
}

/** The shape that yields most tokens per time; of shapes that are alike the earlier in `draftCounts`, then the shorter. */
export function bestShape(rates: DraftRates, cost: RoundCost, draftCounts: readonly number[]): RoundShape {
  const rate = (shape: RoundShape) =>
    expectedYield(shape, rates) / (cost.fixed + shape.length * (cost.perToken + (shape.drafts - 1) * cost.perFurther))
  const shapes = draftCounts.flatMap((drafts) => lengths.map((length) => ({ length, drafts })))
  return shapes.reduce((best, shape) => (rate(shape) > rate(best) * (1 + 1e-9) ? shape : best))
}

/**
 * Fits the cost of a round to what rounds took: least squares of time over length for those of one draft, older ones counting
 * less; what others take beyond that is the cost of their further drafts.
 */
export class CostEstimate {
  #further: number | undefined
  #weight = 0
  #length = 0
  #time = 0
  #lengthSquared = 0
  #lengthTime = 0

  observe({ length, drafts }: RoundShape, milliseconds: number): void {
    if (drafts === 1) {
      this.#observeOne(length, milliseconds)
      return
    }
    // what is beyond the cost of one draft can be told only where that is known
    if (this.#time === 0) return
    const { fixed, perToken } = this.cost
    const beyond = Math.max(0, milliseconds - fixed - perToken * length) / ((drafts - 1) * length)
    this.#further = this.#further === undefined ? beyond : memory * this.#further + (1 - memory) * beyond
  }

  #observeOne(length: number, milliseconds: number): void {
    this.#weight = memory * this.#weight + 1
    this.#length = memory * this.#length + length
    this.#time = memory * this.#time + milliseconds
    this.#lengthSquared = memory * this.#lengthSquared + length * length
    this.#lengthTime = memory * this.#lengthTime + length * milliseconds
  }

  /** As long as all lengths were alike, the presumed proportion of fixed cost to cost per token. */
  get cost(): RoundCost {
    const cost = this.#costOfOne()
    return { ...cost, perFurther: this.#further ?? presumedFurtherCost * cost.perToken }
  }

  #costOfOne(): Omit<RoundCost, 'perFurther'> {
    if (this.#weight === 0 || this.#time === 0) return { fixed: presumedFixedCost, perToken: 1 }
    const [length, time] = [this.#length / this.#weight, this.#time / this.#weight]
    const variance = this.#lengthSquared / this.#weight - length * length
    const slope = (this.#lengthTime / this.#weight - length * time) / variance
    if (variance > 1e-6 && slope > 0 && slope * length < time) return { fixed: time - slope * length, perToken: slope }
    const perToken = time / (presumedFixedCost + length)
    return { fixed: presumedFixedCost * perToken, perToken }
  }
}
