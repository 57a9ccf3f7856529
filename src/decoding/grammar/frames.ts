/** Where a called rule goes on when it ends; shared by all that were called from there. */
export interface Frame {
  readonly id: number
  readonly back: number
  readonly outer: Frame | undefined
  /** Bytes of the shortest text from there to the end of all open calls. */
  readonly toEnd: number
}

/** A state that reads, and the calls that are open there; none: the rule it began in is the last. */
export interface Place {
  readonly state: number
  readonly frame: Frame | undefined
}

/** Makes each frame once, as long as it is remembered. */
export class Frames {
  readonly #shortest: Float64Array
  #known = new Map<string, Frame>()
  #made = 0

  /** @param shortest bytes of the shortest text from each state to the end of its rule */
  constructor(shortest: Float64Array) {
    this.#shortest = shortest
  }

  called(back: number, outer: Frame | undefined): Frame {
    const key = `${outer?.id ?? 0} ${back}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const toEnd = this.#shortest[back]! + (outer?.toEnd ?? 0)
    const frame = { id: ++this.#made, back, outer, toEnd }
    this.#known.set(key, frame)
    return frame
  }

  forget(): void {
    this.#known = new Map()
  }
}
