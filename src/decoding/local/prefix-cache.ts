import type { Block, KvPool } from './kv-pool.ts'

/** One chunk of a prompt in the tree of prompts seen: its K/V depends on every chunk above it. */
export interface ChunkNode {
  readonly parent: ChunkNode | undefined
  readonly key: string
  readonly blocks: readonly Block[]
  readonly children: Map<string, ChunkNode>
  /** Step counter of the last use, for eviction. */
  lastUsed: number
}

/**
 * Remembers the K/V of whole prompt chunks in a tree of tokens. Only chunks that a prefill made at their fixed boundaries
 * enter it, never decoded tokens: reuse then gives the same bits as computing again (docs/decisions/0005).
 */
export class PrefixCache {
  readonly #pool: KvPool
  /** Roots by adapter, for an adapter changes K/V. */
  readonly #roots = new Map<string, Map<string, ChunkNode>>()
  #clock = 0

  constructor(pool: KvPool) {
    this.#pool = pool
  }

  /** The longest chain of known chunks that `tokens` starts with; its blocks are held for the caller. */
  match(adapter: string | undefined, tokens: readonly number[], end: number, chunkTokens: number): ChunkNode[] {
    const found: ChunkNode[] = []
    let level = this.#roots.get(adapter ?? '')
    for (let start = 0; level !== undefined && start + chunkTokens <= end; start += chunkTokens) {
      const node = level.get(chunkKey(tokens, start, chunkTokens))
      if (node === undefined) break
      node.lastUsed = ++this.#clock
      found.push(node)
      level = node.children
    }
    for (const node of found) for (const block of node.blocks) this.#pool.hold(block)
    return found
  }

  /** Adds the chunk that starts at `start` below `parent`; returns the node that stands for it from now on. */
  insert(
    adapter: string | undefined,
    parent: ChunkNode | undefined,
    tokens: readonly number[],
    start: number,
    chunkTokens: number,
    blocks: readonly Block[],
  ): ChunkNode {
    const level = parent?.children ?? this.#root(adapter ?? '')
    const key = chunkKey(tokens, start, chunkTokens)
    const known = level.get(key)
    if (known !== undefined) return known
    const node: ChunkNode = { parent, key, blocks, children: new Map(), lastUsed: ++this.#clock }
    for (const block of blocks) block.cached = true
    level.set(key, node)
    return node
  }

  /** Gives up least recently used chunks nobody reads until `blocks` are free; false when there are not that many. */
  makeRoom(blocks: number): boolean {
    while (this.#pool.free < blocks) {
      const victim = this.#oldestIdleLeaf()
      if (victim === undefined) return false
      const [level, node] = victim
      level.delete(node.key)
      for (const block of node.blocks) this.#pool.forget(block)
    }
    return true
  }

  #root(adapter: string): Map<string, ChunkNode> {
    const known = this.#roots.get(adapter)
    if (known !== undefined) return known
    const level = new Map<string, ChunkNode>()
    this.#roots.set(adapter, level)
    return level
  }

  #oldestIdleLeaf(): readonly [Map<string, ChunkNode>, ChunkNode] | undefined {
    let oldest: readonly [Map<string, ChunkNode>, ChunkNode] | undefined
    const visit = (level: Map<string, ChunkNode>): void => {
      for (const node of level.values()) {
        if (node.children.size > 0) visit(node.children)
        else if (node.blocks.every((block) => block.holders === 0))
          if (oldest === undefined || node.lastUsed < oldest[1].lastUsed) oldest = [level, node]
      }
    }
    for (const level of this.#roots.values()) visit(level)
    return oldest
  }
}

const chunkKey = (tokens: readonly number[], start: number, length: number): string =>
  tokens.slice(start, start + length).join(',')
