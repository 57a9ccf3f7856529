import { blockTokens } from '../graph/attention.ts'
import type { LoraStack } from '../graph/lora-rows.ts'
import type { KvContext } from './kv-context.ts'
import type { KvPool } from './kv-pool.ts'
import type { Feed } from './onnx-session.ts'

/** One row of a step: a context and the tokens it takes in. All rows of a step take in the same number. */
export interface StepRow {
  readonly context: KvContext
  readonly tokens: readonly number[]
}

/** Row r holds one sequence's coefficients over this step's rows and over other models' logits. */
export interface Mixture {
  /** [count, rows] */
  readonly own: Float32Array
  /** [count, guideRows] */
  readonly guides: Float32Array
  /** [guideRows, vocabSize] */
  readonly guideLogits: Float32Array
  readonly count: number
  readonly guideRows: number
}

/** A range of the pool's blocks, and how many block slots each row has. */
interface BlockRange {
  readonly start: number
  readonly end: number
  readonly slots: number
}

/**
 * Rows with fewer blocks than others fill up their slots with block 0, so the range starts there; otherwise it covers the
 * rows' own blocks only.
 */
function blockRange(rows: readonly StepRow[]): BlockRange {
  const slots = Math.max(1, ...rows.map((row) => row.context.blocks.length))
  const indices = rows.flatMap((row) => row.context.blocks.map((block) => block.index))
  const even = rows.every((row) => row.context.blocks.length === slots)
  return { start: even ? Math.min(...indices) : 0, end: Math.max(0, ...indices) + 1, slots }
}

/** Inputs that say what the rows take in and which blocks they read. */
export function rowFeeds(pool: KvPool, rows: readonly StepRow[], groupCount: number): Map<string, Feed> {
  const tokens = rows[0]!.tokens.length
  const range = blockRange(rows)
  const feeds = new Map<string, Feed>()
  const shape = [rows.length, tokens]
  feeds.set('input_ids', { data: Int32Array.from(rows.flatMap((row) => row.tokens)), dims: shape })
  feeds.set('position_ids', { data: positions(rows, tokens), dims: shape })
  const { kvHeadCount, headSize } = pool.shape
  addTables(feeds, rows, range, { kvHeadCount, groupCount, tokens, groupTokens: groupCount * tokens })
  const count = range.end - range.start
  const [from, to] = [range.start * pool.blockFloats, range.end * pool.blockFloats]
  for (let layer = 0; layer < pool.shape.layerCount; layer++) {
    const keys = pool.keys[layer]!.subarray(from, to)
    const values = pool.values[layer]!.subarray(from, to)
    feeds.set(`k${layer}`, { data: keys, dims: [count, kvHeadCount, headSize, blockTokens] })
    feeds.set(`v${layer}`, { data: values, dims: [count, kvHeadCount, blockTokens, headSize] })
  }
  return feeds
}

function positions(rows: readonly StepRow[], tokens: number): BigInt64Array {
  const data = new BigInt64Array(rows.length * tokens)
  for (const [r, { context }] of rows.entries())
    for (let i = 0; i < tokens; i++) data[r * tokens + i] = BigInt(context.length + i)
  return data
}

/** The tables of BlockTables in graph/attention.ts, whose comments give their meaning. */
function addTables(feeds: Map<string, Feed>, rows: readonly StepRow[], range: BlockRange, heads: HeadShape): void {
  const { slots } = range
  const pairs = assignReaders(rows, range, heads.groupTokens === 1 ? 2 : 1)
  const { kvHeadCount, groupTokens } = heads
  const asked = pairs.most * groupTokens
  const blocks = range.end - range.start
  const blockQueries = new Int32Array(blocks * kvHeadCount * asked)
  const blockWeights = new Int32Array(blocks * kvHeadCount * asked)
  const slotIndex = new Int32Array(rows.length * kvHeadCount * groupTokens * slots)
  const slotsFirst = new Int32Array(slotIndex.length)
  const own = ownQueries(rows.length, heads)
  for (let r = 0; r < rows.length; r++)
    for (let j = 0; j < slots; j++) {
      const pair = pairs.of[r * slots + j]!
      const block = Math.floor(pair / pairs.most)
      const reader = pair % pairs.most
      for (let head = 0; head < kvHeadCount; head++)
        for (let i = 0; i < groupTokens; i++) {
          const query = (r * kvHeadCount + head) * groupTokens + i
          const ask = (block * kvHeadCount + head) * asked + reader * groupTokens + i
          slotIndex[query * slots + j] = ask
          slotsFirst[j * own.length + query] = ask
          // slots beyond a row's blocks point at block 0, which gives zero whatever it is asked
          if (j >= rows[r]!.context.blocks.length) continue
          blockQueries[ask] = own[query]!
          blockWeights[ask] = query * slots + j
        }
    }
  const perBlock = [blocks, kvHeadCount, asked]
  feeds.set('own_queries', { data: own, dims: [rows.length, kvHeadCount, groupTokens] })
  feeds.set('block_queries', { data: blockQueries, dims: perBlock })
  feeds.set('block_weights', { data: blockWeights, dims: perBlock })
  feeds.set('slots', { data: slotIndex, dims: [rows.length, kvHeadCount, groupTokens, slots] })
  feeds.set('slots_first', { data: slotsFirst, dims: [slots, rows.length, kvHeadCount, groupTokens] })
  feeds.set('past_mask', { data: pastMask(rows, slots), dims: [rows.length, 1, 1, slots * blockTokens] })
}

interface HeadShape {
  readonly kvHeadCount: number
  readonly groupCount: number
  readonly tokens: number
  readonly groupTokens: number
}

/**
 * Numbers the readers of each block: of[r * slots + j] is block * most + reader for row r's j-th block. A block is asked by
 * at least two query rows, because a one-row product is summed in another order than the same row among others.
 */
function assignReaders(rows: readonly StepRow[], range: BlockRange, atLeast: number) {
  const readers = new Int32Array(range.end - range.start)
  for (const { context } of rows) for (const block of context.blocks) readers[block.index - range.start]!++
  const most = readers.reduce((a, b) => Math.max(a, b), atLeast)
  const of = new Int32Array(rows.length * range.slots)
  readers.fill(0)
  for (const [r, { context }] of rows.entries())
    for (const [j, block] of context.blocks.entries()) {
      const at = block.index - range.start
      of[r * range.slots + j] = at * most + readers[at]!++
    }
  return { most, of }
}

/** Index of query (row, token, head) for each (row, kvHead, group, token). */
function ownQueries(rowCount: number, heads: HeadShape): Int32Array {
  const { kvHeadCount, groupCount, tokens, groupTokens } = heads
  const own = new Int32Array(rowCount * kvHeadCount * groupTokens)
  for (let at = 0; at < own.length; at++) {
    const token = at % tokens
    const group = Math.floor(at / tokens) % groupCount
    const head = Math.floor(at / groupTokens) % kvHeadCount
    const row = Math.floor(at / (groupTokens * kvHeadCount))
    own[at] = ((row * tokens + token) * kvHeadCount + head) * groupCount + group
  }
  return own
}

function pastMask(rows: readonly StepRow[], slots: number): Float32Array {
  const mask = new Float32Array(rows.length * slots * blockTokens).fill(Number.NEGATIVE_INFINITY)
  for (const [r, { context }] of rows.entries()) {
    const start = r * slots * blockTokens
    mask.fill(0, start, start + context.length)
  }
  return mask
}

/** [rows, 1, totalRank]: ones in the columns of each row's adapter. */
export function loraMask(stack: LoraStack, adapters: readonly (number | undefined)[]): Feed {
  const data = new Float32Array(adapters.length * stack.totalRank)
  for (const [r, k] of adapters.entries()) {
    if (k === undefined) continue
    const start = r * stack.totalRank + stack.offsets[k]!
    data.fill(1, start, start + stack.ranks[k]!)
  }
  return { data, dims: [adapters.length, 1, stack.totalRank] }
}

/** [1, 1, groups * tokens, tokens]: 0 where a new token may look at another, -Infinity where that one comes later. */
export function causalMask(groups: number, tokens: number): Feed {
  const data = new Float32Array(groups * tokens * tokens)
  for (let g = 0; g < groups; g++)
    for (let i = 0; i < tokens; i++) {
      const row = (g * tokens + i) * tokens
      data.fill(Number.NEGATIVE_INFINITY, row + i + 1, row + tokens)
    }
  return { data, dims: [1, 1, groups * tokens, tokens] }
}

/** The mixture with its rows padded to at least two: a one-row product adds up in another order. */
export function mixtureFeeds(mixture: Mixture, rows: number, vocabSize: number): Map<string, Feed> {
  const padded = Math.max(2, mixture.count)
  return new Map<string, Feed>([
    ['mix', { data: padRows(mixture.own, padded * rows), dims: [padded, rows] }],
    ['guide_mix', { data: padRows(mixture.guides, padded * mixture.guideRows), dims: [padded, mixture.guideRows] }],
    ['guide_logits', { data: mixture.guideLogits, dims: [mixture.guideRows, vocabSize] }],
    ['mix_rows', { data: BigInt64Array.of(BigInt(mixture.count)), dims: [1] }],
  ])
}

function padRows(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values
  const padded = new Float32Array(length)
  padded.set(values)
  return padded
}
