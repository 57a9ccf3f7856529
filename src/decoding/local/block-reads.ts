/** A row of a step, as far as blocks are concerned. */
export interface BlockReader {
  readonly context: { readonly blocks: readonly { readonly index: number }[] }
}

/** A range of the pool's blocks that one product multiplies, each with the queries of `most` rows. */
export interface BlockRange {
  readonly start: number
  readonly end: number
  readonly most: number
}

/** The second range is empty, or it has the blocks that many rows share. They may overlap. */
export type BlockRanges = readonly [BlockRange, BlockRange]

/** Which blocks a step reads, and where among them each row finds its own. */
export interface BlockReads {
  /** Block slots of each row; one with fewer blocks than others fills them up with block 0. */
  readonly slots: number
  readonly ranges: BlockRanges
  /** Of row r's j-th block at r * slots + j: its range, its place there, and which of its readers the row is. */
  readonly range: Uint8Array
  readonly place: Int32Array
  readonly reader: Int32Array
}

/** Plans a step whose rows ask each of their blocks with `queries` queries. */
export function blockReads(rows: readonly BlockReader[], queries: number): BlockReads {
  const slots = Math.max(1, ...rows.map(({ context }) => context.blocks.length))
  const readers = countReaders(rows, slots)
  const ranges = cheapest(readers, queries)
  const range = new Uint8Array(rows.length * slots)
  const place = new Int32Array(rows.length * slots)
  const reader = new Int32Array(rows.length * slots)
  const seen = new Int32Array(readers.length)
  for (const [r, { context }] of rows.entries())
    for (let j = 0; j < slots; j++) {
      const at = r * slots + j
      const index = context.blocks[j]?.index ?? 0
      range[at] = holds(ranges[1], index) ? 1 : 0
      place[at] = index - ranges[range[at]!]!.start
      // what block 0 gives is the same whoever asks
      if (j < context.blocks.length) reader[at] = seen[index]!++
    }
  return { slots, ranges, range, place, reader }
}

const holds = ({ start, end }: BlockRange, index: number): boolean => index >= start && index < end

/** How many rows ask each block that is needed. Nobody asks block 0, which rows with fewer blocks than others need. */
type Readers = readonly (number | undefined)[]

function countReaders(rows: readonly BlockReader[], slots: number): Readers {
  const readers: (number | undefined)[] = []
  for (const { context } of rows) {
    if (context.blocks.length < slots) readers[0] = 0
    for (const { index } of context.blocks) readers[index] = (readers[index] ?? 0) + 1
  }
  return readers
}

const none: BlockRange = { start: 0, end: 0, most: 1 }

/** One range, or the two that cost least, wherever the number of readers is drawn that makes a block a shared one. */
function cheapest(readers: Readers, queries: number): BlockRanges {
  let best: BlockRanges = [cover(readers, queries, () => true), none]
  for (const few of new Set(readers)) {
    if (few === undefined) continue
    const shared = cover(readers, queries, (count) => count > few)
    // block 0 goes to the range to which it is nearer
    for (const start of readers[0] === 0 ? [shared.start, 0] : [shared.start]) {
      const second = { ...shared, start }
      const first = cover(readers, queries, (_, index) => !holds(second, index))
      if (first !== none && shared !== none && cost([first, second], queries) < cost(best, queries))
        best = [first, second]
    }
  }
  return best
}

/** The smallest range with all blocks that are wanted. */
function cover(readers: Readers, queries: number, wanted: (count: number, index: number) => boolean): BlockRange {
  let range = none
  for (const [index, count] of readers.entries()) {
    if (count === undefined || !wanted(count, index)) continue
    range = { start: range === none ? index : range.start, end: index + 1, most: Math.max(range.most, count) }
  }
  // a product with one query is summed in another order than the same query among others
  return range === none || queries > 1 ? range : { ...range, most: Math.max(range.most, 2) }
}

// In queries by which a block is multiplied: what reading a block costs, and what the nodes of a second range cost.
const costOfReading = 12
const costOfRange = 100

const cost = (ranges: BlockRanges, queries: number): number =>
  ranges.reduce((sum, range) => sum + rangeCost(range, queries), 0)

const rangeCost = ({ start, end, most }: BlockRange, queries: number): number =>
  end === start ? 0 : costOfRange + (end - start) * (costOfReading + most * queries)
