import { type Frame, Frames, type Place } from './frames.ts'
import { GrammarError } from './grammar-error.ts'
import type { Network } from './network.ts'
import { shortestToEnd } from './shortest.ts'

/** All places that a text so far may have led to. */
export interface Configuration {
  readonly places: readonly Place[]
  /** The text so far is complete. */
  readonly complete: boolean
  /** Bytes of the shortest text that completes it. */
  readonly toEnd: number
}

/** What is known by byte; null where no text goes on with it. Of an earlier time it is out of date. */
interface KnownConfiguration extends Configuration {
  next: (KnownConfiguration | null | undefined)[]
  time: number
}

/** Most ways in which one text may be read. */
const mostPlaces = 2000
/** Configurations, and places in them, that are remembered; then all are forgotten but those in use. */
const mostRemembered = 2000
const mostPlacesRemembered = 100_000
/** What looking at a place costs, where a node of the tree of tokens costs 1. */
const placeCost = 10

/**
 * Runs a network over bytes. Configurations are immutable, so a fork is a reference; equal ones are one object while they
 * are remembered, so that what was found out about one serves all that come there.
 */
export class Configurations {
  readonly network: Network
  /** Most bytes of the shortest text from any state to the end of its rule, as far as that decides anything. */
  readonly widest: number
  readonly #shortest: Float64Array
  #known = new Map<string, KnownConfiguration>()
  #placesKnown = 0
  readonly #frames: Frames
  /** Counts how often all was forgotten: what is still in use must not keep alive what it once led to. */
  #time = 0
  #allowance = Number.POSITIVE_INFINITY

  /** @throws GrammarError where its shortest text cannot be found in time */
  constructor(network: Network) {
    this.network = network
    this.#shortest = shortestToEnd(network)
    this.#frames = new Frames(this.#shortest)
    const finite = this.#shortest.filter((length) => length < Number.POSITIVE_INFINITY)
    this.widest = Math.min(
      finite.reduce((most, length) => Math.max(most, length), 0),
      256,
    )
  }

  /** Bounds the work from now on, in nodes of the tree of tokens; more is a GrammarError. */
  allow(work: number): void {
    this.#allowance = work
  }

  /** What is left of it. */
  get allowance(): number {
    return this.#allowance
  }

  /** @throws GrammarError when it is more than is left */
  spend(work: number): void {
    this.#allowance -= work
    if (this.#allowance < 0) throw new GrammarError('finding out which tokens it allows takes too long')
  }

  /** Of the places and all that is reached from them without reading. */
  from(places: readonly Place[]): Configuration {
    return this.#closed(places)
  }

  /** After one more byte; null where it may not follow. */
  step(from: Configuration, byte: number): Configuration | null {
    const at = from as KnownConfiguration
    if (at.time !== this.#time) {
      at.next = []
      at.time = this.#time
    }
    const known = at.next[byte]
    if (known !== undefined) return known
    const places: Place[] = []
    this.spend(placeCost * at.places.length)
    for (const { state, frame } of at.places)
      for (const { low, high, to } of this.network.states[state]!.reads)
        if (low <= byte && byte <= high) places.push({ state: to, frame })
    const next = places.length === 0 ? null : this.#closed(places)
    if (at.time === this.#time) at.next[byte] = next
    return next
  }

  #closed(places: readonly Place[]): KnownConfiguration {
    const reached = new Map<number, Place>()
    const open: Place[] = []
    const visit = (state: number, frame: Frame | undefined) => {
      const key = (frame?.id ?? 0) * this.network.states.length + state
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
      const { empties, calls, ends } = this.network.states[state]!
      for (const to of empties) visit(to, frame)
      for (const { rule, back } of calls) visit(rule, this.#frames.called(back, frame))
      if (ends && frame === undefined) complete = true
      else if (ends) visit(frame!.back, frame!.outer)
    }
    this.spend(placeCost * reached.size)
    return this.#remembered(reached, complete)
  }

  #remembered(reached: ReadonlyMap<number, Place>, complete: boolean): KnownConfiguration {
    const reading = [...reached].filter(([, { state }]) => this.network.states[state]!.reads.length > 0)
    reading.sort(([one], [other]) => one - other)
    const key = `${complete} ${reading.map(([place]) => place).join(' ')}`
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (this.#known.size >= mostRemembered || this.#placesKnown > mostPlacesRemembered) this.#forget()
    const places = reading.map(([, place]) => place)
    const toEnd = complete ? 0 : this.#toEnd(places)
    const found = { places, complete, toEnd, next: [], time: this.#time }
    this.#known.set(key, found)
    this.#placesKnown += places.length
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
    this.#placesKnown = 0
    this.#frames.forget()
    this.#time++
  }
}
