import type { StepRow } from './step-row.ts'

/** A range of the pool's blocks that one product multiplies, each with the queries of `most` rows. */
export interface BlockRange {
  readonly start: number
  readonly end: number
  readonly most: number
}

/** Which blocks a step reads, and where among them each row finds its own. */
export interface BlockReads {
  /** Block slots of each row */
  readonly slots: number
  /** Blocks that few rows read, and those that many share, if it pays to tell them apart; or else none. They may overlap. */
  readonly ranges: readonly [BlockRange, BlockRange]
  /** Of row r's j-th block at r * slots + j: its range, its place there, and which of its readers the row is. */
  readonly range: Uint8Array
  readonly place: Int32Array
  readonly reader: Int32Array
}

/**
 * Rows with fewer blocks than others fill up their slots with block 0. A block is asked by at least `atLeast` rows, whether
 * they read it or not.
 */
export function blockReads(rows: readonly StepRow[], groupTokens: number): BlockReads {
  const slots = Math.max(1, ...rows.map((row) => row.context.blocks.length))
  const readers = countReaders(rows, slots)
  const ranges = cheapest(readers, groupTokens)
  const reads = {
    slots,
    ranges,
    range: new Uint8Array(rows.length * slots),
    place: new Int32Array(rows.length * slots),
    reader: new Int32Array(rows.length * slots),
  }
  const seen = new Int32Array(readers.length)
  for (const [r, { context }] of rows.entries())
    for (let j = 0; j < slots; j++) {
      const index = context.blocks[j]?.index ?? 0
      const range = rangeOf(ranges, index)
      const at = r * slots + j
      reads.range[at] = range
      reads.place[at] = index - ranges[range]!.start
      // what block 0 gives is the same whoever asks
      if (j < context.blocks.length) reads.reader[at] = seen[index]!++
    }
  return reads
}

/** How many rows read each block, block 0 aside, which counts as read by none where a row needs it, and else as unread. */
function countReaders(rows: readonly StepRow[], slots: number): readonly (number | undefined)[] {
  const readers: (number | undefined)[] = []
  for (const { context } of rows) {
    if (context.blocks.length < slots) readers[0] = 0
    for (const { index } of context.blocks) readers[index] = (readers[index] ?? 0) + 1
  }
  return readers
}

/** A block of the second range counts as its, even where the first covers it too. */
const rangeOf = ([, shared]: BlockReads['ranges'], index: number): 0 | 1 =>
  index >= shared.start && index < shared.end ? 1 : 0

const none: BlockRange = { start: 0, end: 0, most: 1 }

/** One range, or the two that cost least: every number of readers, and every more than it, may be what makes a block shared. */
function cheapest(readers: readonly (number | undefined)[], groupTokens: number): BlockReads['ranges'] {
  let best: BlockReads['ranges'] = [cover(readers, groupTokens, () => true) ?? none, none]
  for (const few of new Set(readers)) {
    if (few === undefined) continue
    const shared = cover(readers, groupTokens, (count) => count > few)
    if (shared === undefined) continue
    for (const second of readers[0] === 0 ? [shared, { ...shared, start: 0 }] : [shared]) {
      const first = cover(readers, groupTokens, (_, index) => index < second.start || index >= second.end)
      if (first !== undefined && cost([first, second], groupTokens) < cost(best, groupTokens)) best = [first, second]
    }
  }
  return best
}

/** The smallest range with all blocks read that `wanted` says. */
function cover(
  readers: readonly (number | undefined)[],
  groupTokens: number,
  wanted: (count: number, index: number) => boolean,
): BlockRange | undefined {
  let range: BlockRange | undefined
  for (const [index, count] of readers.entries())
    if (count !== undefined && wanted(count, index))
      range = { start: range?.start ?? index, end: index + 1, most: Math.max(range?.most ?? 1, count) }
  // a one-row product is summed in another order than the same row among others
  if (range === undefined || groupTokens > 1) return range
  return { ...range, most: Math.max(range.most, 2) }
}

// Reading a block takes as long as multiplying it with so many queries; two ranges take as long as so many queries of blocks.
const queriesPerRead = 12
const secondRange = 100

const cost = ([first, second]: BlockReads['ranges'], groupTokens: number): number =>
  rangeCost(first, groupTokens) + (second === none ? 0 : rangeCost(second, groupTokens) + secondRange)

const rangeCost = ({ start, end, most }: BlockRange, groupTokens: number): number =>
  (end - start) * (queriesPerRead + most * groupTokens)
