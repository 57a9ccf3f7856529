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

// Reductions over slots add them four at a time: a multiple of four keeps a row's sums the same beside longer rows.
const slotMultiple = 4

/**
 * Rows that decode together read from block 0 on, with which the shorter ones fill up their slots. A prompt chunk runs
 * alone and has as many slots as blocks, so it reads its own blocks only.
 */
function blockRange(rows: readonly StepRow[], tokens: number): BlockRange {
  const longest = Math.max(1, ...rows.map((row) => row.context.blocks.length))
  const indices = rows.flatMap((row) => row.context.blocks.map((block) => block.index))
  const end = Math.max(0, ...indices) + 1
  if (tokens === 1) return { start: 0, end, slots: Math.ceil(longest / slotMultiple) * slotMultiple }
  return { start: indices.length === 0 ? 0 : Math.min(...indices), end, slots: longest }
}

/** Inputs that say what the rows take in and which blocks they read. */
export function rowFeeds(pool: KvPool, rows: readonly StepRow[]): Map<string, Feed> {
  const tokens = rows[0]!.tokens.length
  const range = blockRange(rows, tokens)
  const feeds = new Map<string, Feed>()
  const shape = [rows.length, tokens]
  feeds.set('input_ids', { data: Int32Array.from(rows.flatMap((row) => row.tokens)), dims: shape })
  feeds.set('position_ids', { data: positions(rows, tokens), dims: shape })
  addTables(feeds, rows, range)
  const { kvHeadCount, headSize } = pool.shape
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

function addTables(feeds: Map<string, Feed>, rows: readonly StepRow[], range: BlockRange): void {
  const blocks = range.end - range.start
  const slots = range.slots
  const readersOf = new Int32Array(blocks)
  for (const { context } of rows) for (const block of context.blocks) readersOf[block.index - range.start]!++
  const most = readersOf.reduce((a, b) => Math.max(a, b), 1)
  const readers = new Int32Array(blocks * most)
  const sources = new Int32Array(blocks * most)
  const table = new Int32Array(rows.length * slots)
  const pastMask = new Float32Array(rows.length * slots * blockTokens).fill(Number.NEGATIVE_INFINITY)
  readersOf.fill(0)
  for (const [r, { context }] of rows.entries()) {
    for (const [j, block] of context.blocks.entries()) {
      const at = block.index - range.start
      const pair = at * most + readersOf[at]!++
      readers[pair] = r
      sources[pair] = r * slots + j
      table[r * slots + j] = pair
    }
    pastMask.fill(0, r * slots * blockTokens, r * slots * blockTokens + context.length)
  }
  feeds.set('readers', { data: readers, dims: [blocks, most] })
  feeds.set('sources', { data: sources, dims: [blocks, most] })
  feeds.set('table', { data: table, dims: [rows.length, slots] })
  feeds.set('past_mask', { data: pastMask, dims: [rows.length, 1, 1, slots * blockTokens] })
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
