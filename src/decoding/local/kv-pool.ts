import { blockTokens, panelColumns, valuePanels } from '../graph/attention.ts'

export interface KvShape {
  readonly layerCount: number
  readonly kvHeadCount: number
  readonly headSize: number
}

/** K/V of up to `blockTokens` tokens over all layers; contexts and the prefix cache refer to it, it may move. */
export interface Block {
  /** Where it lies in the pool's arrays now. */
  index: number
  /** Live contexts that read it. */
  holders: number
  /** Whether the prefix cache keeps it when no context does. */
  cached: boolean
}

/**
 * One model's K/V memory: fixed arrays per layer, cut into blocks. Held blocks lie at the low end, because one step reads
 * the whole range from block 0 to the last held one; blocks that only the prefix cache keeps lie at the high end.
 * Block 0 stays zero for ever: it is what rows with less past than others read.
 */
export class KvPool {
  readonly shape: KvShape
  readonly capacity: number
  /** Per layer [capacity, kvHeads, keyPanels, headSize, panelColumns]; the operating system commits pages when first written. */
  readonly keys: readonly Float32Array[]
  /** Per layer [capacity, kvHeads, valuePanels, blockTokens, headSize / valuePanels] */
  readonly values: readonly Float32Array[]
  /** Blocks copied because a holder wrote to a shared one. */
  copies = 0
  readonly #at: (Block | undefined)[]
  // Places where infinities or NaN were written.
  readonly #broken = new Set<number>()
  #held = 0
  #used = 0

  constructor(shape: KvShape, capacity: number) {
    this.shape = shape
    this.capacity = capacity
    const arrays = () => Array.from({ length: shape.layerCount }, () => new Float32Array(capacity * this.blockFloats))
    this.keys = arrays()
    this.values = arrays()
    this.#at = new Array<Block | undefined>(capacity)
  }

  /** Floats of one block in one layer's array of keys (or values). */
  get blockFloats(): number {
    return this.shape.kvHeadCount * this.shape.headSize * blockTokens
  }

  /** Blocks held by contexts. */
  get held(): number {
    return this.#held
  }

  /** Blocks kept by the prefix cache alone. */
  get coldCount(): number {
    return this.#used - this.#held
  }

  /** Blocks that hold nothing. */
  get free(): number {
    return this.capacity - 1 - this.#used
  }

  /** One past the last held block: the range a step over any of them must read. */
  get heldEnd(): number {
    let end = this.#at.length
    while (end > 1 && (this.#at[end - 1]?.holders ?? 0) === 0) end--
    return end
  }

  /**
   * A held block; the caller made sure that one is free. Prompt blocks go behind all held ones, so that a prompt lies in
   * one piece; others take the lowest free place.
   */
  allocate(place: 'low' | 'end'): Block {
    const end = place === 'end' ? this.heldEnd : this.capacity
    const index = end < this.capacity && this.#at[end] === undefined ? end : this.#lowestFree()
    const block: Block = { index, holders: 1, cached: false }
    this.#mend(index)
    this.#at[block.index] = block
    this.#used++
    this.#held++
    return block
  }

  hold(block: Block): void {
    if (block.holders++ > 0) return
    this.#held++
    this.#move(block, this.#lowestFree())
  }

  drop(block: Block): void {
    if (--block.holders > 0) return
    this.#held--
    if (block.cached) this.#move(block, this.#highestFree())
    else this.#clear(block)
    this.#compact()
  }

  /** The prefix cache gives a block up. */
  forget(block: Block): void {
    block.cached = false
    if (block.holders === 0) this.#clear(block)
  }

  /** A block of one's own with the same content, for a holder that is about to write. */
  copy(block: Block): Block {
    const own = this.allocate('low')
    this.#copyContent(block.index, own.index)
    this.copies++
    this.drop(block)
    return own
  }

  /** Stores one token's K/V from a step's outputs; `row` and `token` say which. */
  write(block: Block, offset: number, step: StepOutput, row: number, token: number): void {
    const { layerCount, kvHeadCount, headSize } = this.shape
    let sum = 0
    for (let layer = 0; layer < layerCount; layer++)
      for (let head = 0; head < kvHeadCount; head++) {
        const from = (((layer * step.rows + row) * kvHeadCount + head) * step.tokens + token) * headSize
        const to = (block.index * kvHeadCount + head) * headSize * blockTokens
        sum += writeKey(this.keys[layer]!, to, offset, step.newKeys, from, headSize)
        sum += writeValue(this.values[layer]!, to, offset, step.newValues, from, headSize)
      }
    if (!Number.isFinite(sum)) this.#broken.add(block.index)
  }

  // Held blocks drift apart as sequences end; the last ones move down into the gaps before a step reads too much.
  #compact(): void {
    while (true) {
      const end = this.heldEnd
      if (end <= 1 + this.#held + (this.#held >> 2) + 2) return
      const gap = this.#lowestFree()
      if (gap >= end) return
      this.#move(this.#at[end - 1]!, gap)
    }
  }

  #move(block: Block, to: number): void {
    const better = block.holders > 0 ? to < block.index : to > block.index
    if (!better) return
    this.#copyContent(block.index, to)
    this.#at[block.index] = undefined
    this.#at[to] = block
    block.index = to
  }

  #copyContent(from: number, to: number): void {
    const size = this.blockFloats
    for (const arrays of [this.keys, this.values])
      for (const array of arrays) array.copyWithin(to * size, from * size, (from + 1) * size)
    if (this.#broken.has(from)) this.#broken.add(to)
    else this.#broken.delete(to)
  }

  // Numbers left by others are multiplied by weights of exactly 0. What a broken model left there would reach new rows
  // through masked places (0 * NaN is NaN).
  #mend(index: number): void {
    if (!this.#broken.delete(index)) return
    const size = this.blockFloats
    for (const arrays of [this.keys, this.values])
      for (const array of arrays) array.fill(0, index * size, (index + 1) * size)
  }

  #clear(block: Block): void {
    this.#at[block.index] = undefined
    this.#used--
  }

  #lowestFree(): number {
    let index = 1
    while (this.#at[index] !== undefined) index++
    return index
  }

  #highestFree(): number {
    let index = this.capacity - 1
    while (index > 0 && this.#at[index] !== undefined) index--
    return index
  }
}

/** Into one head of a block; returns the sum of what it wrote, which tells whether all of it is finite. */
function writeKey(keys: Float32Array, to: number, offset: number, from: Float32Array, start: number, size: number) {
  const first = to + Math.floor(offset / panelColumns) * size * panelColumns + (offset % panelColumns)
  let sum = 0
  for (let d = 0; d < size; d++) sum += keys[first + d * panelColumns] = from[start + d]!
  return sum
}

function writeValue(values: Float32Array, to: number, offset: number, from: Float32Array, start: number, size: number) {
  const width = size / valuePanels(size)
  let sum = 0
  for (let d = 0; d < size; d += width) {
    const first = to + d * blockTokens + offset * width
    for (let i = 0; i < width; i++) sum += values[first + i] = from[start + d + i]!
  }
  return sum
}

/** What a step returned for `rows` rows of `tokens` new tokens each. */
export interface StepOutput {
  readonly rows: number
  readonly tokens: number
  /** [layers, rows, kvHeads, tokens, headSize] */
  readonly newKeys: Float32Array
  /** [layers, rows, kvHeads, tokens, headSize] */
  readonly newValues: Float32Array
}

/** Bytes of one block over all layers, keys and values. */
export const blockBytes = (shape: KvShape): number =>
  shape.layerCount * 2 * shape.kvHeadCount * shape.headSize * blockTokens * Float32Array.BYTES_PER_ELEMENT
