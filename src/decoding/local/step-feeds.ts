import type { AttentionShape } from '../graph/attention.ts'
import type { LoraStack } from '../graph/lora-rows.ts'
import { headCount } from '../top-logits.ts'
import { blockReads } from './block-reads.ts'
import { addTables } from './block-tables.ts'
import type { Feed } from './onnx-session.ts'
import type { PastFeeds } from './past-feeds.ts'
import type { StepRow } from './step-row.ts'

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
  /** [count]: the uniform number each is drawn with */
  readonly draws: Float32Array
}

/** Inputs that say what the rows take in and which blocks they read. */
export function rowFeeds(past: PastFeeds, shape: AttentionShape, rows: readonly StepRow[]): Map<string, Feed> {
  const tokens = rows[0]!.tokens.length
  const feeds = new Map<string, Feed>()
  const dims = [rows.length, tokens]
  feeds.set('input_ids', { data: Int32Array.from(rows.flatMap((row) => row.tokens)), dims })
  feeds.set('position_ids', { data: positions(rows, tokens), dims })
  const { headCount, kvHeadCount, headSize } = shape
  const groupCount = headCount / kvHeadCount
  const groupTokens = groupCount * tokens
  const reads = blockReads(rows, groupTokens)
  addTables(feeds, rows, reads, { kvHeadCount, groupCount, headSize, tokens, groupTokens })
  past.add(feeds, reads.ranges)
  return feeds
}

function positions(rows: readonly StepRow[], tokens: number): BigInt64Array {
  const data = new BigInt64Array(rows.length * tokens)
  for (const [r, { context }] of rows.entries())
    for (let i = 0; i < tokens; i++) data[r * tokens + i] = BigInt(context.length + i)
  return data
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

/** The mixture with its rows padded to at least two: a one-row product adds up in another order. */
export function mixtureFeeds(mixture: Mixture, rows: number, vocabSize: number): Map<string, Feed> {
  const padded = Math.max(2, mixture.count)
  return new Map<string, Feed>([
    ['mix', { data: padRows(mixture.own, padded * rows), dims: [padded, rows] }],
    ['guide_mix', { data: padRows(mixture.guides, padded * mixture.guideRows), dims: [padded, mixture.guideRows] }],
    ['guide_logits', { data: mixture.guideLogits, dims: [mixture.guideRows, vocabSize] }],
    ['mix_rows', { data: BigInt64Array.of(BigInt(mixture.count)), dims: [1] }],
    ...(vocabSize > headCount ? [['draws', { data: mixture.draws, dims: [mixture.count, 1] }] as const] : []),
  ])
}

function padRows(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values
  const padded = new Float32Array(length)
  padded.set(values)
  return padded
}
