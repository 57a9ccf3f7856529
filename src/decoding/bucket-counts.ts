/** A distribution as it is read: how many values lie at or below each bound and above the one before; the last count is of what lies above all. */
export interface Distribution {
  readonly bounds: readonly number[]
  readonly counts: readonly number[]
  readonly sum: number
}

/** Counts values between ascending bounds. Adding one takes a few comparisons and no memory, so that it can be done for every token. */
export class BucketCounts {
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array(bounds.length + 1).fill(0)
  }

  add(value: number): void {
    let low = 0
    let high = this.#bounds.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (value <= this.#bounds[middle]!) high = middle
      else low = middle + 1
    }
    this.#counts[low]!++
    this.#sum += value
  }

  read(): Distribution {
    return { bounds: this.#bounds, counts: [...this.#counts], sum: this.#sum }
  }
}

/** Bounds that double from `first`. */
export function doublingBounds(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, power) => first * 2 ** power)
}
