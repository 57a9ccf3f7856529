import { GrammarError } from './grammar-error.ts'

/**
 * A context-free grammar over bytes as a recursive transition network (Woods 1970): a rule is a small automaton whose
 * states read bytes, move on for nothing, or call another rule and go on where that one ends.
 */
export interface Network {
  /** Where the whole begins. */
  readonly start: number
  readonly states: readonly NetworkState[]
}

export interface NetworkState {
  readonly reads: readonly ByteEdge[]
  readonly empties: readonly number[]
  readonly calls: readonly RuleCall[]
  /** Its rule may end here. */
  readonly ends: boolean
  /** A state from which the same tokens are possible: copies of a repetition that are far from its bounds are alike. */
  readonly like: number
}

export interface ByteEdge {
  readonly low: number
  readonly high: number
  readonly to: number
}

export interface RuleCall {
  readonly rule: number
  readonly back: number
}

interface Draft {
  readonly reads: ByteEdge[]
  readonly empties: number[]
  readonly calls: RuleCall[]
  ends: boolean
  like: number
}

/** Most states of one grammar, and most edges; what a repetition repeats is written out. */
export const mostStates = 50_000
export const mostEdges = 400_000

/** Continues the automaton from a state, and returns the state after it. It never leads back into the state it is given. */
export type Part = (from: number) => number

/** Writes a network. A rule is named by its first state. */
export class NetworkBuilder {
  readonly #states: Draft[] = []
  #edges = 0
  /** Most bytes of a token: nothing further away than this decides what a token may be. */
  readonly horizon: number

  constructor(horizon: number) {
    this.horizon = horizon
  }

  get size(): number {
    return this.#states.length
  }

  state(): number {
    const index = this.#states.length
    if (index >= mostStates) throw new GrammarError(`it needs more than ${mostStates} states; lower its bounds`)
    this.#states.push({ reads: [], empties: [], calls: [], ends: false, like: index })
    return index
  }

  read(from: number, low: number, high: number, to: number): void {
    this.#countEdge()
    this.#states[from]!.reads.push({ low, high, to })
  }

  skip(from: number, to: number): void {
    this.#countEdge()
    this.#states[from]!.empties.push(to)
  }

  call(from: number, rule: number, back: number): void {
    this.#countEdge()
    this.#states[from]!.calls.push({ rule, back })
  }

  /** Says that states from `first` on are like the `count` states from `other` on. */
  alike(first: number, other: number, count: number): void {
    for (let i = 0; i < count; i++) this.#states[first + i]!.like = this.#states[other + i]!.like
  }

  /** A rule that is one part. */
  rule(part: Part): number {
    const start = this.state()
    this.define(start, part)
    return start
  }

  /** Gives a rule that was named before, so that it may call itself, its part. */
  define(start: number, part: Part): void {
    this.#states[part(start)]!.ends = true
  }

  #countEdge(): void {
    if (++this.#edges > mostEdges) throw new GrammarError(`it needs more than ${mostEdges} edges; lower its bounds`)
  }

  finish(start: number): Network {
    return { start, states: this.#states }
  }
}
