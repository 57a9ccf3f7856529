/** The bytes of a vocabulary's tokens as a tree, its nodes in the order of a walk through it: what cannot follow is passed over at once. */
export interface TokenTrie {
  /** Ids the mask has room for. */
  readonly vocabularySize: number
  /** Byte that leads to the node; node 0 is the root. */
  readonly bytes: Uint8Array
  /** The first node that is not below the node. */
  readonly ends: Int32Array
  /** The tokens that end at node i: `ids[firsts[i]]` to `ids[firsts[i + 1] - 1]`. */
  readonly firsts: Int32Array
  readonly ids: Int32Array
  /** Most bytes of a token. */
  readonly longest: number
}

/** Tokens without bytes, such as special ones, are not in it. */
export function tokenTrie(vocabularySize: number, bytesOf: (id: number) => Uint8Array): TokenTrie {
  const tokens = Array.from({ length: vocabularySize }, (_, id) => ({ id, bytes: bytesOf(id) }))
    .filter(({ bytes }) => bytes.length > 0)
    .sort((one, other) => Buffer.compare(one.bytes, other.bytes) || one.id - other.id)
  const most = tokens.reduce((sum, { bytes }) => sum + bytes.length, 1)
  const writer = new TrieWriter(most, tokens.length)
  for (const { id, bytes } of tokens) writer.add(id, bytes)
  return { vocabularySize, ...writer.finish() }
}

/** Takes in tokens in the order of their bytes. */
class TrieWriter {
  readonly #bytes: Uint8Array
  readonly #ends: Int32Array
  readonly #firsts: Int32Array
  readonly #ids: Int32Array
  /** The nodes on the way to the last token, the root first. */
  readonly #path: number[] = [0]
  #nodes = 1
  #tokens = 0
  #longest = 0

  constructor(mostNodes: number, tokens: number) {
    this.#bytes = new Uint8Array(mostNodes)
    this.#ends = new Int32Array(mostNodes)
    this.#firsts = new Int32Array(mostNodes + 1)
    this.#ids = new Int32Array(tokens)
  }

  add(id: number, bytes: Uint8Array): void {
    let shared = 0
    while (
      shared < bytes.length &&
      shared + 1 < this.#path.length &&
      this.#bytes[this.#path[shared + 1]!] === bytes[shared]
    )
      shared++
    this.#leave(shared + 1)
    for (const byte of bytes.subarray(shared)) {
      this.#bytes[this.#nodes] = byte
      this.#firsts[this.#nodes] = this.#tokens
      this.#path.push(this.#nodes++)
    }
    this.#ids[this.#tokens++] = id
    this.#longest = Math.max(this.#longest, bytes.length)
  }

  finish(): Omit<TokenTrie, 'vocabularySize'> {
    this.#leave(0)
    this.#firsts[this.#nodes] = this.#tokens
    return {
      bytes: this.#bytes.slice(0, this.#nodes),
      ends: this.#ends.slice(0, this.#nodes),
      firsts: this.#firsts.slice(0, this.#nodes + 1),
      ids: this.#ids,
      longest: this.#longest,
    }
  }

  #leave(depth: number): void {
    while (this.#path.length > depth) this.#ends[this.#path.pop()!] = this.#nodes
  }
}
