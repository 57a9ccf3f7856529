import { blockTokens, keyPanels, valuePanels } from '../graph/attention.ts'
import type { Feed } from './onnx-session.ts'
import type { StepRow } from './step-row.ts'

/** A range of the pool's blocks, and how many block slots each row has. */
export interface BlockRange {
  readonly start: number
  readonly end: number
  readonly slots: number
}

/**
 * Rows with fewer blocks than others fill up their slots with block 0, so the range starts there; otherwise it covers the
 * rows' own blocks only.
 */
export function blockRange(rows: readonly StepRow[]): BlockRange {
  const slots = Math.max(1, ...rows.map((row) => row.context.blocks.length))
  const indices = rows.flatMap((row) => row.context.blocks.map((block) => block.index))
  const even = rows.every((row) => row.context.blocks.length === slots)
  return { start: even ? Math.min(...indices) : 0, end: Math.max(0, ...indices) + 1, slots }
}

/** The tables of BlockTables in graph/attention.ts, whose comments give their meaning. */
export function addTables(
  feeds: Map<string, Feed>,
  rows: readonly StepRow[],
  range: BlockRange,
  heads: HeadShape,
): void {
  const { slots } = range
  const pairs = assignReaders(rows, range, heads.groupTokens === 1 ? 2 : 1)
  const { kvHeadCount, groupTokens } = heads
  const asked = pairs.most * groupTokens
  const blocks = range.end - range.start
  const blockQueries = new Int32Array(blocks * kvHeadCount * asked)
  const blockWeights = new Int32Array(blocks * kvHeadCount * asked)
  const panels = valuePanels(heads.headSize)
  const own = ownQueries(rows.length, heads)
  const slotIndex = new Int32Array(own.length * slots * keyPanels)
  const slotsFirst = new Int32Array(own.length * slots * panels)
  for (let r = 0; r < rows.length; r++)
    for (let j = 0; j < slots; j++) {
      const pair = pairs.of[r * slots + j]!
      const block = Math.floor(pair / pairs.most)
      const reader = pair % pairs.most
      for (let head = 0; head < kvHeadCount; head++)
        for (let i = 0; i < groupTokens; i++) {
          const query = (r * kvHeadCount + head) * groupTokens + i
          const place = block * kvHeadCount + head
          const asks = reader * groupTokens + i
          for (let p = 0; p < keyPanels; p++)
            slotIndex[(query * slots + j) * keyPanels + p] = (place * keyPanels + p) * asked + asks
          for (let p = 0; p < panels; p++)
            slotsFirst[(j * own.length + query) * panels + p] = (place * panels + p) * asked + asks
          // slots beyond a row's blocks point at block 0, which gives zero whatever it is asked
          if (j >= rows[r]!.context.blocks.length) continue
          blockQueries[place * asked + asks] = own[query]!
          blockWeights[place * asked + asks] = query * slots + j
        }
    }
  const perBlock = [blocks, kvHeadCount, 1, asked]
  feeds.set('own_queries', { data: own, dims: [rows.length, kvHeadCount, groupTokens] })
  feeds.set('block_queries', { data: blockQueries, dims: perBlock })
  feeds.set('block_weights', { data: blockWeights, dims: perBlock })
  feeds.set('slots', { data: slotIndex, dims: [rows.length, kvHeadCount, groupTokens, slots * keyPanels] })
  feeds.set('slots_first', { data: slotsFirst, dims: [slots, rows.length, kvHeadCount, groupTokens, panels] })
  feeds.set('own_keys', { data: ownKeys(rows.length, heads), dims: [rows.length, kvHeadCount, heads.tokens] })
  feeds.set('spans', { data: BigInt64Array.of(BigInt(slots * blockTokens), BigInt(heads.tokens)), dims: [2] })
  feeds.set('mask', attentionMask(rows, slots, heads))
}

export interface HeadShape {
  readonly kvHeadCount: number
  readonly groupCount: number
  readonly headSize: number
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
