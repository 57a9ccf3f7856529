import type { NetworkBuilder, Part } from './network.ts'
import { utf8Sequences } from './utf8-sequences.ts'

const encoder = new TextEncoder()

/** Code points from `low` to `high`. */
export interface CodePoints {
  readonly low: number
  readonly high: number
}

/** The combinators that rules are written with. */
export class Parts {
  readonly net: NetworkBuilder

  constructor(net: NetworkBuilder) {
    this.net = net
  }

  literal(text: string): Part {
    return (from) => {
      let at = from
      for (const byte of encoder.encode(text)) {
        const to = this.net.state()
        this.net.read(at, byte, byte, to)
        at = to
      }
      return at
    }
  }

  /** One character of the given ones, as UTF-8. */
  characters(points: readonly CodePoints[]): Part {
    return (from) => {
      const end = this.net.state()
      for (const { low, high } of points)
        for (const bytes of utf8Sequences(low, high)) {
          let at = from
          for (const [i, range] of bytes.entries()) {
            const to = i === bytes.length - 1 ? end : this.net.state()
            this.net.read(at, range.low, range.high, to)
            at = to
          }
        }
      return end
    }
  }

  call(rule: number): Part {
    return (from) => {
      const back = this.net.state()
      this.net.call(from, rule, back)
      return back
    }
  }

  sequence(...parts: readonly Part[]): Part {
    return (from) => parts.reduce((at, part) => part(at), from)
  }

  choice(...parts: readonly Part[]): Part {
    return (from) => {
      const end = this.net.state()
      for (const part of parts) this.net.skip(part(from), end)
      return end
    }
  }

  optional(part: Part): Part {
    return this.choice(part, (from) => from)
  }

  star(part: Part): Part {
    return (from) => {
      const loop = this.net.state()
      this.net.skip(from, loop)
      this.net.skip(part(loop), loop)
      return loop
    }
  }

  /** From `least` to `most` times; copies that are further from both bounds than a token reaches are alike. */
  repeat(part: Part, least: number, most: number): Part {
    if (most === Number.POSITIVE_INFINITY && least === 0) return this.star(part)
    return (from) => {
      const end = this.net.state()
      const copies = new Copies(this.net, least, most)
      // an own first state: the part must not lead back into the one it is given
      let at = this.net.state()
      this.net.skip(from, at)
      const written = most === Number.POSITIVE_INFINITY ? least : most
      for (let i = 0; i < written; i++) {
        if (i >= least) this.net.skip(at, end)
        at = copies.write(i, at, part)
      }
      this.net.skip(most === Number.POSITIVE_INFINITY ? this.star(part)(at) : at, end)
      return end
    }
  }
}

/** The copies of one repetition's part, each beginning with a state of its own. */
class Copies {
  readonly #net: NetworkBuilder
  readonly #least: number
  readonly #most: number
  readonly #first = new Map<string, { readonly at: number; readonly count: number }>()

  constructor(net: NetworkBuilder, least: number, most: number) {
    this.#net = net
    this.#least = least
    this.#most = most
  }

  write(index: number, at: number, part: Part): number {
    const first = this.#net.size
    const end = part(at)
    const next = this.#net.state()
    this.#net.skip(end, next)
    this.#compare(index, first, this.#net.size - first)
    return next
  }

  #compare(index: number, at: number, count: number): void {
    const { horizon } = this.#net
    // the states of copy `index` lie between its beginning and the next one's
    const owed = Math.min(Math.max(this.#least - index - 1, 0), horizon)
    const left = Math.min(this.#most - index - 1, horizon)
    const key = `${owed} ${left}`
    const known = this.#first.get(key)
    if (known === undefined) this.#first.set(key, { at, count })
    else if (known.count === count) this.#net.alike(at, known.at, count)
  }
}
