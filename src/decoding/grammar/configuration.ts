import { GrammarError } from './grammar-error.ts'
import type { Network } from './network.ts'
import { shortestToEnd } from './shortest.ts'

/** Where a called rule goes on when it ends; shared by all that were called from there. */
export interface Frame {
  readonly id: number
  readonly back: number
  readonly outer: Frame | undefined
  readonly inner: Map<number, Frame>
  /** Bytes of the shortest text from there to the end of all open calls. */
  readonly toEnd: number
}

/** A state that reads, and the calls that are open there; none: the rule it began in is the last. */
export interface Place {
  readonly state: number
  readonly frame: Frame | undefined
}

/** All places that a text so far may have led to. */
export interface Configuration {
  readonly places: readonly Place[]
  /** The text so far is complete. */
  readonly complete: boolean
  /** Bytes of the shortest text that completes it. */
  readonly toEnd: number
  /** By byte, as far as it was asked for; null where no text goes on with it. */
  readonly next: (Configuration | null | undefined)[]
}

/** Most ways in which one text may be read. */
const mostPlaces = 2000
/** Configurations that are remembered; then all are forgotten but those in use. */
const mostRemembered = 2000

/**
 * Runs a network over bytes. Configurations are immutable, so a fork is a reference; equal ones are one object while they
 * are remembered, so that what was found out about one serves all that come there.
 */
export class Configurations {
  readonly #network: Network
  readonly #shortest: Float64Array
  #known = new Map<string, Configuration>()
  #outermost = new Map<number, Frame>()
  #frames = 0
  #allowance = Number.POSITIVE_INFINITY

  constructor(network: Network) {
    this.#network = network
    this.#shortest = shortestToEnd(network)
  }

  /** Most bytes of the shortest text from any state to the end of its rule, as far as that decides anything. */
  get widest(): number {
    return Math.min(
      this.#shortest.reduce((most, length) => (length < Infinity ? Math.max(most, length) : most), 0),
      256,
    )
  }

  get network(): Network {
    return this.#network
  }

  /** Bounds the places that are looked at from now on; one more is a GrammarError. */
  allow(places: number): void {
    this.#allowance = places
  }

  /** Of the places and all that is reached from them without reading. */
  from(places: readonly Place[]): Configuration {
    const reached = new Map<number, Place>()
    const open: Place[] = []
    const visit = (state: number, frame: Frame | undefined) => {
      const key = (frame?.id ?? 0) * this.#network.states.length + state
      if (reached.has(key)) return
      if (reached.size >= mostPlaces) throw new GrammarError(`a text can be read in over ${mostPlaces} ways`)
      const place = { state, frame }
      reached.set(key, place)
      open.push(place)
    }
    let complete = false
    for (const { state, frame } of places) visit(state, frame)
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      const { state, frame } = place
      const { empties, calls, ends } = this.#network.states[state]!
      for (const to of empties) visit(to, frame)
      for (const { rule, back } of calls) visit(rule, this.#called(back, frame))
      if (ends && frame === undefined) complete = true
      else if (ends) visit(frame!.back, frame!.outer)
    }
    this.#spend(reached.size)
    return this.#remembered(reached, complete)
  }

  /** After one more byte; null where it may not follow. */
  step(from: Configuration, byte: number): Configuration | null {
    const known = from.next[byte]
    if (known !== undefined) return known
    const places: Place[] = []
    this.#spend(from.places.length)
    for (const { state, frame } of from.places)
      for (const { low, high, to } of this.#network.states[state]!.reads)
        if (low <= byte && byte <= high) places.push({ state: to, frame })
    const next = places.length === 0 ? null : this.from(places)
    from.next[byte] = next
    return next
  }

  #spend(places: number): void {
    this.#allowance -= places
    if (this.#allowance < 0) throw new GrammarError('finding out which tokens it allows takes too long')
  }

  #called(back: number, outer: Frame | undefined): Frame {
    const siblings = outer?.inner ?? this.#outermost
    const known = siblings.get(back)
    if (known !== undefined) return known
    const toEnd = this.#shortest[back]! + (outer?.toEnd ?? 0)
    const frame = { id: ++this.#frames, back, outer, inner: new Map<number, Frame>(), toEnd }
    siblings.set(back, frame)
    return frame
  }

  #remembered(reached: ReadonlyMap<number, Place>, complete: boolean): Configuration {
    const reading = [...reached].filter(([, { state }]) => this.#network.states[state]!.reads.length > 0)
    reading.sort(([one], [other]) => one - other)
    const key = `${complete} ${reading.map(([place]) => place).join(' ')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= mostRemembered) this.#forget()
    const places = reading.map(([, place]) => place)
    const found: Configuration = { places, complete, toEnd: complete ? 0 : this.#toEnd(places), next: [] }
    this.#known.set(key, found)
    return found
  }

  #toEnd(places: readonly Place[]): number {
    return places.reduce(
      (least, { state, frame }) => Math.min(least, this.#shortest[state]! + (frame?.toEnd ?? 0)),
      Number.POSITIVE_INFINITY,
    )
  }

  #forget(): void {
    this.#known = new Map()
    this.#outermost = new Map()
  }
}
