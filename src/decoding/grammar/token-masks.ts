import type { Configuration, Configurations } from './configuration.ts'
import type { Frame, Place } from './frames.ts'
import { LeastRecent } from './least-recent.ts'
import type { TokenTrie } from './token-trie.ts'

/** A bit for each token id that may come next. */
export type TokenMask = Int32Array

export const emptyMask = (vocabularySize: number): TokenMask => new Int32Array((vocabularySize + 31) >> 5)

/** What a place allows within its own rule, whoever called that, and where in the tree the rule has ended. */
interface Inside {
  readonly mask: TokenMask
  readonly exits: readonly number[]
}

/** Masks that are remembered for one grammar. */
const mostMasks = 64
const mostInside = 128
const mostAlike = 10_000
/** Walks through the whole tree that one mask may take, and work for small trees; one walk does where a text is read in one way. */
const mostWalks = 40
const leastWork = 6_000_000
/** Walks that masks may take over one for each. */
const mostOwed = 80

/**
 * Which tokens a configuration allows: those whose every byte may follow. Most tokens never leave the rule they begin in, so
 * what they may do is found once for each state of a rule; only those that go beyond it are followed in what called it.
 */
export class TokenMasks {
  readonly #configurations: Configurations
  readonly #trie: TokenTrie
  readonly #inside = new LeastRecent<number, Inside>(mostInside)
  #masks = new LeastRecent<string, TokenMask>(mostMasks)
  #likes = new WeakMap<Frame, number>()
  #alike = new Map<string, number>()
  /** Work for one token, as it may be at every token. */
  readonly #usual: number
  /** Work done beyond that. */
  #owed = 0

  constructor(configurations: Configurations, trie: TokenTrie) {
    this.#configurations = configurations
    this.#trie = trie
    this.#usual = Math.max(trie.bytes.length, leastWork / mostWalks)
  }

  /**
   * Do not write to it: it may be the remembered one.
   * @throws GrammarError when it takes too long
   */
  of(state: Configuration): TokenMask {
    return this.#bounded(() => this.#of(state))
  }

  #of({ places }: Configuration): TokenMask {
    if (this.#alike.size > mostAlike) this.#forget()
    const masks = places.map((place) => {
      const key = `${this.#network.states[place.state]!.like} ${this.#likeFrame(place.frame)}`
      return this.#masks.get(key, () => this.#compute(place))
    })
    if (masks.length === 1) return masks[0]!
    const all = this.#emptyMask()
    for (const mask of masks) unite(all, mask)
    return all
  }

  /**
   * Whether there are tokens after which at most `left` bytes complete the text; they are written into `mask`.
   * @throws GrammarError when it takes too long
   */
  within(state: Configuration, left: number, mask: TokenMask): boolean {
    mask.fill(0)
    return this.#bounded(() => this.#walk(0, state, mask, undefined, left))
  }

  /** One mask may take its time, but not every one: others wait meanwhile. */
  #bounded<Result>(find: () => Result): Result {
    const most = Math.min(mostWalks, mostOwed - this.#owed / this.#usual) * this.#usual
    this.#configurations.allow(most)
    try {
      return find()
    } finally {
      this.#owed = Math.max(0, this.#owed + most - this.#configurations.allowance - this.#usual)
    }
  }

  #compute({ state, frame }: Place): TokenMask {
    if (frame === undefined) return this.#outermost(state)
    const { mask, exits } = this.#insideOf(state)
    if (exits.length === 0) return mask
    const all = mask.slice()
    const after = this.#configurations.from([{ state: frame.back, frame: frame.outer }])
    for (const node of exits) this.#walk(node, after, all)
    return all
  }

  /** Nothing goes on behind the outermost rule, so its many ends need not be kept. */
  #outermost(state: number): TokenMask {
    const mask = this.#emptyMask()
    this.#walk(0, this.#configurations.from([{ state, frame: undefined }]), mask)
    return mask
  }

  #insideOf(state: number): Inside {
    return this.#inside.get(this.#network.states[state]!.like, () => {
      const mask = this.#emptyMask()
      const exits: number[] = []
      this.#walk(0, this.#configurations.from([{ state, frame: undefined }]), mask, exits)
      return { mask, exits }
    })
  }

  /** Marks the tokens below a node that may follow there; `exits` gets the nodes at which a text is complete. */
  #walk(node: number, start: Configuration, mask: TokenMask, exits?: number[], left = Infinity): boolean {
    const { bytes, ends, firsts, ids } = this.#trie
    const from: Configuration[] = [start]
    const until: number[] = [ends[node]!]
    let found = false
    let visited = 0
    for (let at = node + 1; at < ends[node]!; ) {
      visited++
      while (until[until.length - 1]! <= at) {
        until.pop()
        from.pop()
      }
      const next = this.#configurations.step(from[from.length - 1]!, bytes[at]!)
      if (next === null) {
        at = ends[at]!
        continue
      }
      for (let i = firsts[at]!; i < firsts[at + 1]! && next.toEnd <= left; i++) {
        mask[ids[i]! >> 5]! |= 1 << (ids[i]! & 31)
        found = true
      }
      if (next.complete) exits?.push(at)
      from.push(next)
      until.push(ends[at]!)
      at++
    }
    this.#configurations.spend(visited)
    return found
  }

  /** One number for all frames whose rules go on alike as far as a token reaches. */
  #likeFrame(frame: Frame | undefined): number {
    const open: Frame[] = []
    let at = frame
    for (; at !== undefined && !this.#likes.has(at); at = at.outer) open.push(at)
    let like = at === undefined ? 0 : this.#likes.get(at)!
    for (const one of open.reverse()) {
      const key = `${this.#network.states[one.back]!.like} ${like}`
      like = this.#alike.get(key) ?? this.#alike.set(key, this.#alike.size + 1).size
      this.#likes.set(one, like)
    }
    return like
  }

  #forget(): void {
    this.#masks = new LeastRecent(mostMasks)
    this.#likes = new WeakMap()
    this.#alike = new Map()
  }

  #emptyMask(): TokenMask {
    return emptyMask(this.#trie.vocabularySize)
  }

  get #network() {
    return this.#configurations.network
  }
}

function unite(all: TokenMask, more: TokenMask): void {
  for (let i = 0; i < all.length; i++) all[i]! |= more[i]!
}
