import { blockTokens, keyPanels, rangePrefixes, valuePanels } from '../graph/attention.ts'
import type { BlockRange, BlockReads } from './block-reads.ts'
import type { Feed } from './onnx-session.ts'
import type { StepRow } from './step-row.ts'

/** The tables of BlockTables in graph/attention.ts, whose comments give their meaning. */
export function addTables(
  feeds: Map<string, Feed>,
  rows: readonly StepRow[],
  reads: BlockReads,
  heads: HeadShape,
): void {
  const { slots } = reads
  const { kvHeadCount, groupCount, groupTokens, tokens } = heads
  const ranges = askedRanges(reads.ranges, heads)
  const own = ownQueries(rows.length, heads)
  const found = findBlocks(rows, reads, ranges, own, heads)
  for (const [i, { blocks, asked, queries, weights }] of ranges.of.entries()) {
    const dims = [blocks, kvHeadCount, 1, asked]
    feeds.set(`${rangePrefixes[i]}block_queries`, { data: queries, dims })
    feeds.set(`${rangePrefixes[i]}block_weights`, { data: weights, dims })
  }
  const outputs = [rows.length, tokens, kvHeadCount * groupCount, valuePanels(heads.headSize)]
  feeds.set('own_queries', { data: own, dims: [rows.length, kvHeadCount, groupTokens] })
  feeds.set('slots', { data: found.slots, dims: [rows.length, kvHeadCount, groupTokens, slots * keyPanels] })
  feeds.set('slots_first', { data: found.slotsFirst, dims: [slots + 1, ...outputs] })
  feeds.set('own_keys', { data: ownKeys(rows.length, heads), dims: [rows.length, kvHeadCount, tokens] })
  feeds.set('spans', { data: BigInt64Array.of(BigInt(slots * blockTokens), BigInt(tokens)), dims: [2] })
  feeds.set('mask', attentionMask(rows, slots, heads))
}

/** Where each row finds what comes of its blocks; puts its queries down with those who ask them. */
function findBlocks(
  rows: readonly StepRow[],
  { slots, range, place, reader }: BlockReads,
  ranges: AskedRanges,
  own: Int32Array,
  heads: HeadShape,
) {
  const panels = valuePanels(heads.headSize)
  const found = new Int32Array(own.length * slots * keyPanels)
  const foundFirst = new Int32Array((slots + 1) * own.length * panels)
  for (let query = 0; query < own.length; query++) {
    const { row, head, i, output } = placeOf(query, heads)
    const held = rows[row]!.context.blocks.length
    for (let j = 0; j < slots; j++) {
      const at = row * slots + j
      const { before, asked, queries, weights } = ranges.of[range[at]!]!
      const first = (place[at]! * heads.kvHeadCount + head) * asked
      const asks = reader[at]! * heads.groupTokens + i
      for (let p = 0; p < keyPanels; p++)
        found[(query * slots + j) * keyPanels + p] = (before + first) * keyPanels + p * asked + asks
      for (let p = 0; p < panels; p++)
        foundFirst[(j * own.length + output) * panels + p] = (before + first) * panels + p * asked + asks
      // slots beyond a row's blocks point at block 0, which gives zero whatever it is asked
      if (j >= held) continue
      queries[first + asks] = own[query]!
      weights[first + asks] = query * slots + j
    }
    // what comes of the new tokens lies behind what comes of the blocks
    for (let p = 0; p < panels; p++)
      foundFirst[(slots * own.length + output) * panels + p] = (ranges.end + query) * panels + p
  }
  return { slots: found, slotsFirst: foundFirst }
}

/** What a query among (row, kvHead, group, token) is, and where its output lies among (row, token, kvHead, group). */
function placeOf(query: number, { kvHeadCount, groupCount, groupTokens, tokens }: HeadShape) {
  const i = query % groupTokens
  const head = Math.floor(query / groupTokens) % kvHeadCount
  const row = Math.floor(query / (groupTokens * kvHeadCount))
  const output = ((row * tokens + (i % tokens)) * kvHeadCount + head) * groupCount + Math.floor(i / tokens)
  return { row, head, i, output }
}

/** A range with the queries that ask its blocks and their weights. */
interface AskedRange {
  readonly blocks: number
  readonly asked: number
  /** Queries of the ranges before it: what comes of them lies before what comes of its own */
  readonly before: number
  readonly queries: Int32Array
  readonly weights: Int32Array
}

interface AskedRanges {
  readonly of: readonly AskedRange[]
  /** Queries of all of them */
  readonly end: number
}

function askedRanges(ranges: readonly BlockRange[], { kvHeadCount, groupTokens }: HeadShape): AskedRanges {
  const of: AskedRange[] = []
  let end = 0
  for (const { start, end: last, most } of ranges) {
    const [blocks, asked] = [last - start, most * groupTokens]
    const length = blocks * kvHeadCount * asked
    of.push({ blocks, asked, before: end, queries: new Int32Array(length), weights: new Int32Array(length) })
    end += length
  }
  return { of, end }
}

export interface HeadShape {
  readonly kvHeadCount: number
  readonly groupCount: number
  readonly headSize: number
  readonly tokens: number
  readonly groupTokens: number
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
    own[at] = (row * tokens + token) * kvHeadCount * (groupCount + 1) + head * groupCount + group
  }
  return own
}

/** Index of key (row, token, kvHead), behind its token's queries, for each (row, kvHead, token). */
function ownKeys(rowCount: number, { kvHeadCount, groupCount, tokens }: HeadShape): Int32Array {
  const own = new Int32Array(rowCount * kvHeadCount * tokens)
  for (let at = 0; at < own.length; at++) {
    const token = at % tokens
    const head = Math.floor(at / tokens) % kvHeadCount
    const row = Math.floor(at / (tokens * kvHeadCount))
    own[at] = ((row * tokens + token) * (groupCount + 1) + groupCount) * kvHeadCount + head
  }
  return own
}

/** What each new token of a row may look at: the row's past, and new tokens up to itself. */
function attentionMask(rows: readonly StepRow[], slots: number, { tokens, groupCount }: HeadShape): Feed {
  const past = slots * blockTokens
  const seen = past + tokens
  const lines = tokens === 1 ? 1 : groupCount * tokens
  const data = new Float32Array(rows.length * lines * seen).fill(Number.NEGATIVE_INFINITY)
  for (const [r, { context }] of rows.entries())
    for (let line = 0; line < lines; line++) {
      const start = (r * lines + line) * seen
      data.fill(0, start, start + context.length)
      data.fill(0, start + past, start + past + (line % tokens) + 1)
    }
  return { data, dims: [rows.length, 1, lines, seen] }
}
