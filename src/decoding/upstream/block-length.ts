/** Lengths that are tried. */
const lengths = [1, 2, 4, 8, 16, 32] as const
/** Weight of everything before an observation. */
const memory = 0.9
/** Before anything is measured: a round trip, with the guides' part, costs as much as this many tokens. */
const presumedFixedCost = 4

/** Tokens that a block of `length` yields on average when each is accepted with probability `acceptance`. */
export function expectedTokens(acceptance: number, length: number): number {
  return acceptance >= 1 ? length : (1 - acceptance ** length) / (1 - acceptance)
}

/** What a round costs: fixed + perToken * length, in milliseconds. */
export interface RoundCost {
  readonly fixed: number
  readonly perToken: number
}

/** The length that yields most tokens per time; the shorter of two that are alike. */
export function bestLength(acceptance: number, { fixed, perToken }: RoundCost): number {
  const rate = (length: number) => expectedTokens(acceptance, length) / (fixed + perToken * length)
  return lengths.reduce((best, length) => (rate(length) > rate(best) * (1 + 1e-9) ? length : best))
}

/** Fits the cost of a round to what rounds took: least squares of time over length, older ones counting less. */
export class CostEstimate {
  #weight = 0
  #length = 0
  #time = 0
  #lengthSquared = 0
  #lengthTime = 0

  observe(length: number, milliseconds: number): void {
    this.#weight = memory * this.#weight + 1
    this.#length = memory * this.#length + length
    this.#time = memory * this.#time + milliseconds
    this.#lengthSquared = memory * this.#lengthSquared + length * length
    this.#lengthTime = memory * this.#lengthTime + length * milliseconds
  }

  /** As long as all lengths were alike, the presumed proportion of fixed cost to cost per token. */
  get cost(): RoundCost {
    if (this.#weight === 0 || this.#time === 0) return { fixed: presumedFixedCost, perToken: 1 }
    const [length, time] = [this.#length / this.#weight, this.#time / this.#weight]
    const variance = this.#lengthSquared / this.#weight - length * length
    const slope = (this.#lengthTime / this.#weight - length * time) / variance
    if (variance > 1e-6 && slope > 0 && slope * length < time) return { fixed: time - slope * length, perToken: slope }
    const perToken = time / (presumedFixedCost + length)
    return { fixed: presumedFixedCost * perToken, perToken }
  }
}

/** A sequence's own acceptance, starting from a guess that a few positions outweigh. */
export class AcceptanceEstimate {
  #accepted = 0.7 * 4
  #examined = 4

  observe(accepted: number, examined: number): void {
    const fade = memory ** examined
    this.#accepted = fade * this.#accepted + accepted
    this.#examined = fade * this.#examined + examined
  }

  get acceptance(): number {
    return this.#accepted / this.#examined
  }

  clone(): AcceptanceEstimate {
    const copy = new AcceptanceEstimate()
    copy.#accepted = this.#accepted
    copy.#examined = this.#examined
    return copy
  }
}
