import { blockTokens } from '../graph/attention.ts'
import type { Block, KvPool, StepOutput } from './kv-pool.ts'
import type { ChunkNode, PrefixCache } from './prefix-cache.ts'

/**
 * One model's (or adapter's) view of one sequence: the tokens whose K/V is stored, as blocks that may be shared with
 * other contexts and with the prefix cache.
 */
export class KvContext {
  readonly adapter: string | undefined
  readonly promptIds: readonly number[]
  readonly #pool: KvPool
  readonly #cache: PrefixCache
  #blocks: Block[] = []
  #length = 0
  #lastChunk: ChunkNode | undefined
  /** Blocks that this context may still have to allocate. */
  reserved: number

  constructor(
    pool: KvPool,
    cache: PrefixCache,
    prompt: { readonly adapter: string | undefined; readonly promptIds: readonly number[] },
    reserved: number,
  ) {
    this.#pool = pool
    this.#cache = cache
    this.adapter = prompt.adapter
    this.promptIds = prompt.promptIds
    this.reserved = reserved
  }

  get length(): number {
    return this.#length
  }

  get blocks(): readonly Block[] {
    return this.#blocks
  }

  /** Prompt tokens that prefill has to store: all but the last, which is the first decode step's input. */
  get prefillEnd(): number {
    return this.promptIds.length - 1
  }

  get prefilled(): boolean {
    return this.#length >= this.prefillEnd
  }

  /** Takes over what the prefix cache knows of the prompt; returns the number of tokens. */
  reuse(chunkTokens: number): number {
    const nodes = this.#cache.match(this.adapter, this.promptIds, this.prefillEnd, chunkTokens)
    this.#blocks = nodes.flatMap((node) => node.blocks)
    this.#lastChunk = nodes.at(-1)
    this.#length = nodes.length * chunkTokens
    this.reserved -= this.#blocks.length
    return this.#length
  }

  /** The end of the next prefill chunk: a function of the position alone, so that the same prompt gives the same bits. */
  nextChunkEnd(chunkTokens: number): number {
    return Math.min(this.#length + chunkTokens - (this.#length % chunkTokens), this.prefillEnd)
  }

  /** Stores the K/V of `step.tokens` tokens of row `row`. */
  append(step: StepOutput, row: number): void {
    for (let token = 0; token < step.tokens; token++) {
      const offset = this.#length % blockTokens
      if (offset === 0) this.#blocks.push(this.#allocate())
      else if (token === 0) this.#ownLastBlock()
      this.#pool.write(this.#blocks.at(-1)!, offset, step, row, token)
      this.#length++
    }
  }

  /** Offers a chunk that was just prefilled to the prefix cache. */
  remember(start: number, chunkTokens: number): void {
    if (this.#length - start !== chunkTokens) return
    const first = start / blockTokens
    const own = this.#blocks.slice(first)
    const node = this.#cache.insert(this.adapter, this.#lastChunk, this.promptIds, start, chunkTokens, own)
    this.#lastChunk = node
    if (node.blocks[0] === own[0]) return
    // somebody else prefilled the same chunk meanwhile: share theirs, which have the same bits
    for (const block of node.blocks) this.#pool.hold(block)
    this.#blocks.splice(first, own.length, ...node.blocks)
    for (const block of own) this.#pool.drop(block)
  }

  /** A context with the same past that shares every block; the last one is copied when either writes to it. */
  fork(reserved: number): KvContext {
    const child = new KvContext(this.#pool, this.#cache, this, reserved)
    for (const block of this.#blocks) this.#pool.hold(block)
    child.#blocks = [...this.#blocks]
    child.#length = this.#length
    child.#lastChunk = this.#lastChunk
    return child
  }

  release(): void {
    const blocks = this.#blocks
    this.#blocks = []
    this.reserved = 0
    for (const block of blocks) this.#pool.drop(block)
  }

  #allocate(): Block {
    this.#cache.makeRoom(1)
    this.reserved--
    return this.#pool.allocate(this.prefilled ? 'low' : 'end')
  }

  #ownLastBlock(): void {
    const last = this.#blocks.at(-1)!
    if (last.holders === 1 && !last.cached) return
    this.#cache.makeRoom(1)
    this.reserved--
    this.#blocks[this.#blocks.length - 1] = this.#pool.copy(last)
  }
}
