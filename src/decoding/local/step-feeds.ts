import type { AttentionShape } from '../graph/attention.ts'
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

/** The inputs of LoraTables: the rows of each of the model's adapters. */
export function addLoraTables(feeds: Map<string, Feed>, adapters: readonly string[], rows: readonly StepRow[]): void {
  if (adapters.length === 0) return
  const rowsOf = adapters.map((name) => [...rows.keys()].filter((r) => rows[r]!.context.adapter === name))
  const adapted = BigInt64Array.from(rowsOf.flat(), BigInt)
  feeds.set('lora_rows', { data: adapted, dims: [adapted.length] })
  feeds.set('lora_counts', {
    data: BigInt64Array.from(rowsOf, ({ length }) => BigInt(length)),
    dims: [adapters.length],
  })
}

/**
 * The mixtures' inputs, with `rows` sums of one row each behind the mixtures where each row's own logits are wanted. Matrices
 * are padded to at least two rows: a one-row product adds up in another order.
 */
export function mixtureFeeds(mixture: Mixture, rows: number, ownLogits: boolean, vocabSize: number): Map<string, Feed> {
  const { count, guideRows } = mixture
  const sums = count + (ownLogits ? rows : 0)
  const mix = padRows(mixture.own, Math.max(2, sums) * rows)
  for (let i = count; i < sums; i++) mix[i * rows + i - count] = 1
  // without guides one row of zeros does for all
  const guideSums = guideRows === 0 ? 1 : count
  const paddedGuides = guideRows === 0 ? 1 : Math.max(2, count)
  return new Map<string, Feed>([
    ['mix', { data: mix, dims: [Math.max(2, sums), rows] }],
    ['mix_rows', scalarFeed(sums)],
    ['drawn_rows', scalarFeed(count)],
    ['guide_mix', { data: padRows(mixture.guides, paddedGuides * guideRows), dims: [paddedGuides, guideRows] }],
    ['guide_logits', { data: mixture.guideLogits, dims: [guideRows, vocabSize] }],
    ['guide_sums', scalarFeed(guideSums)],
    ['top_count', scalarFeed(count === 0 ? 0 : Math.min(headCount, vocabSize))],
    ...(vocabSize > headCount ? [['draws', { data: mixture.draws, dims: [count, 1] }] as const] : []),
  ])
}

/** Nothing to draw. */
export const noMixture: Mixture = {
  own: new Float32Array(0),
  guides: new Float32Array(0),
  guideLogits: new Float32Array(0),
  count: 0,
  guideRows: 0,
  draws: new Float32Array(0),
}

const scalarFeed = (value: number): Feed => ({ data: BigInt64Array.of(BigInt(value)), dims: [1] })

function padRows(values: Float32Array, length: number): Float32Array {
  if (values.length === length) return values
  const padded = new Float32Array(length)
  padded.set(values)
  return padded
}
