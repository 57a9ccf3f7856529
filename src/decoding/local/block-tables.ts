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
  const panels = valuePanels(heads.headSize)
  const own = ownQueries(rows.length, heads)
  const slotIndex = new Int32Array(own.length * slots * keyPanels)
  const slotsFirst = new Int32Array((slots + 1) * own.length * panels)
  for (let query = 0; query < own.length; query++) {
    const i = query % groupTokens
    const head = Math.floor(query / groupTokens) % kvHeadCount
    const r = Math.floor(query / (groupTokens * kvHeadCount))
    const output = ((r * tokens + (i % tokens)) * kvHeadCount + head) * groupCount + Math.floor(i / tokens)
    const held = rows[r]!.context.blocks.length
    for (let j = 0; j < slots; j++) {
      const at = r * slots + j
      const { before, asked, queries, weights } = ranges.of[reads.range[at]!]!
      const place = (reads.place[at]! * kvHeadCount + head) * asked
      const asks = reads.reader[at]! * groupTokens + i
      for (let p = 0; p < keyPanels; p++)
        slotIndex[(query * slots + j) * keyPanels + p] = (before + place) * keyPanels + p * asked + asks
      for (let p = 0; p < panels; p++)
        slotsFirst[(j * own.length + output) * panels + p] = (before + place) * panels + p * asked + asks
      // slots beyond a row's blocks point at block 0, which gives zero whatever it is asked
      if (j >= held) continue
      queries[place + asks] = own[query]!
      weights[place + asks] = query * slots + j
    }
    for (let p = 0; p < panels; p++)
      slotsFirst[(slots * own.length + output) * panels + p] = (ranges.end + query) * panels + p
  }
  for (const [i, { blocks, asked, queries, weights }] of ranges.of.entries()) {
    const dims = [blocks, kvHeadCount, 1, asked]
    feeds.set(`${rangePrefixes[i]}block_queries`, { data: queries, dims })
    feeds.set(`${rangePrefixes[i]}block_weights`, { data: weights, dims })
  }
  feeds.set('own_queries', { data: own, dims: [rows.length, kvHeadCount, groupTokens] })
  feeds.set('slots', { data: slotIndex, dims: [rows.length, kvHeadCount, groupTokens, slots * keyPanels] })
  feeds.set('slots_first', {
    data: slotsFirst,
    dims: [slots + 1, rows.length, tokens, kvHeadCount * groupCount, panels],
  })
  feeds.set('own_keys', { data: ownKeys(rows.length, heads), dims: [rows.length, kvHeadCount, tokens] })
  feeds.set('spans', { data: BigInt64Array.of(BigInt(slots * blockTokens), BigInt(tokens)), dims: [2] })
  feeds.set('mask', attentionMask(rows, slots, heads))
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

function askedRanges(ranges: readonly BlockRange[], { kvHeadCount, groupTokens }: HeadShape) {
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
