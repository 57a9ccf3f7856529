import type { GraphBuilder } from './graph-builder.ts'

/** Tokens in one block of K/V. */
export const blockTokens = 64

export interface AttentionShape {
  readonly headCount: number
  readonly kvHeadCount: number
  readonly headSize: number
}

/** Graph inputs that say which rows read which blocks; docs/decisions/0002 explains the scheme. */
export interface BlockTables {
  /** int32 [blocks, readers]: the row that is the block's r-th reader */
  readonly readers: string
  /** int32 [blocks, readers]: index into rows * slots, the probabilities that reader gives the block */
  readonly sources: string
  /** int32 [rows, slots]: index into blocks * readers of each row's j-th block */
  readonly table: string
  /** [rows, 1, 1, slots * blockTokens], 0 or -Infinity */
  readonly pastMask: string
  /** [1, 1, groups * T, T], causal mask of the new tokens */
  readonly newMask: string
  /** int64 [1]: -T */
  readonly minusTokens: string
  /** int64 shapes that every layer uses */
  readonly splitScores: string
  readonly splitOutput: string
  readonly flatScores: string
  readonly flatOutput: string
}

/** Declares the table inputs and computes the shapes that all layers share. */
export function blockTables(graph: GraphBuilder, shape: AttentionShape): BlockTables {
  const { kvHeadCount, headSize } = shape
  const newMask = graph.input('new_mask', 'float32', [1, 1, 'groupTokens', 'T'])
  const readers = graph.input('readers', 'int32', ['N', 'M'])
  const sizeOf = (x: string, axis: number) => graph.node('Shape', [x], { attributes: { start: axis, end: axis + 1 } })
  const readerCount = sizeOf(readers, 1)
  const groupTokens = sizeOf(newMask, 2)
  const join = (...parts: string[]) => graph.node('Concat', parts, { attributes: { axis: 0 } })
  return {
    readers,
    sources: graph.input('sources', 'int32', ['N', 'M']),
    table: graph.input('table', 'int32', ['B', 'J']),
    pastMask: graph.input('past_mask', 'float32', ['B', 1, 1, 'S']),
    newMask,
    minusTokens: graph.node('Neg', [sizeOf(newMask, 3)]),
    splitScores: join(graph.ints(0, kvHeadCount), readerCount, graph.ints(-1, blockTokens)),
    splitOutput: join(graph.ints(0, kvHeadCount), readerCount, graph.ints(-1, headSize)),
    flatScores: join(graph.ints(-1, kvHeadCount), groupTokens, graph.ints(blockTokens)),
    flatOutput: join(graph.ints(-1, kvHeadCount), groupTokens, graph.ints(headSize)),
  }
}

/**
 * Attention of new tokens over paged K/V without ever copying K/V: each block is multiplied with the queries of the rows
 * that read it, and only scores and probabilities, which are small, move between block order and row order. A block
 * shared by several rows (a common prompt, forked sequences) is stored and read once.
 *
 * @param input.q [rows, T, heads * headSize], rotated and scaled
 * @param input.newKeys [rows, kvHeads, headSize, T]
 * @param input.newValues [rows, kvHeads, T, headSize]
 * @param input.keys [blocks, kvHeads, headSize, blockTokens]
 * @param input.values [blocks, kvHeads, blockTokens, headSize]
 * @returns [rows, T, heads * headSize]
 */
export function pagedAttention(
  graph: GraphBuilder,
  shape: AttentionShape,
  tables: BlockTables,
  input: { q: string; newKeys: string; newValues: string; keys: string; values: string },
): string {
  const queries = groupQueries(graph, shape, input.q)
  const past = pastScores(graph, tables, shape, queries, input.keys)
  const fresh = graph.node('Add', [graph.node('MatMul', [queries, input.newKeys]), tables.newMask])
  const scores = graph.node('Concat', [past, fresh], { attributes: { axis: 3 } })
  const weights = graph.node('Softmax', [scores], { attributes: { axis: -1 } })
  const [start, end, axis] = [graph.ints(0), graph.ints(2 ** 40), graph.ints(3)]
  const pastWeights = graph.node('Slice', [weights, start, tables.minusTokens, axis])
  const newWeights = graph.node('Slice', [weights, tables.minusTokens, end, axis])
  const fromPast = pastOutput(graph, tables, pastWeights, input.values)
  const fromNew = graph.node('MatMul', [newWeights, input.newValues])
  return ungroup(graph, shape, graph.node('Add', [fromPast, fromNew]))
}

/** [rows, T, heads * headSize] to [rows, kvHeads, groups * T, headSize] */
function groupQueries(graph: GraphBuilder, shape: AttentionShape, q: string): string {
  const { headCount, kvHeadCount, headSize } = shape
  const split = graph.node('Reshape', [q, graph.ints(0, -1, kvHeadCount, headCount / kvHeadCount, headSize)])
  const grouped = graph.node('Transpose', [split], { attributes: { perm: [0, 2, 3, 1, 4] } })
  return graph.node('Reshape', [grouped, graph.ints(0, kvHeadCount, -1, headSize)])
}

/** [rows, kvHeads, groups * T, headSize] to [rows, T, heads * headSize] */
function ungroup(graph: GraphBuilder, shape: AttentionShape, x: string): string {
  const { headCount, kvHeadCount, headSize } = shape
  const split = graph.node('Reshape', [x, graph.ints(0, kvHeadCount, headCount / kvHeadCount, -1, headSize)])
  const byToken = graph.node('Transpose', [split], { attributes: { perm: [0, 3, 1, 2, 4] } })
  return graph.node('Reshape', [byToken, graph.ints(0, -1, headCount * headSize)])
}

// [blocks, readers, kvHeads, n, width] and [blocks, kvHeads, readers, n, width] into one another
const swapReadersAndHeads = { attributes: { perm: [0, 2, 1, 3, 4] } }

/** Scores of every row over its own past: [rows, kvHeads, groups * T, slots * blockTokens] */
function pastScores(graph: GraphBuilder, tables: BlockTables, shape: AttentionShape, queries: string, keys: string) {
  const asking = graph.node('Transpose', [graph.node('Gather', [queries, tables.readers])], swapReadersAndHeads)
  const perBlock = graph.node('Reshape', [asking, graph.ints(0, 0, -1, shape.headSize)])
  const scores = graph.node('Reshape', [graph.node('MatMul', [perBlock, keys]), tables.splitScores])
  const perReader = graph.node('Reshape', [graph.node('Transpose', [scores], swapReadersAndHeads), tables.flatScores])
  const perSlot = graph.node('Gather', [perReader, tables.table])
  const perRow = graph.node('Transpose', [perSlot], { attributes: { perm: [0, 2, 3, 1, 4] } })
  return graph.node('Add', [graph.node('Reshape', [perRow, graph.ints(0, 0, 0, -1)]), tables.pastMask])
}

/** Each row's blocks are summed in its own order, one by one: [rows, kvHeads, groups * T, headSize] */
function pastOutput(graph: GraphBuilder, tables: BlockTables, weights: string, values: string): string {
  const split = graph.node('Reshape', [weights, graph.ints(0, 0, 0, -1, blockTokens)])
  const perSlot = graph.node('Transpose', [split], { attributes: { perm: [0, 3, 1, 2, 4] } })
  const flat = graph.node('Reshape', [perSlot, tables.flatScores])
  const giving = graph.node('Transpose', [graph.node('Gather', [flat, tables.sources])], swapReadersAndHeads)
  const perBlock = graph.node('Reshape', [giving, graph.ints(0, 0, -1, blockTokens)])
  const outputs = graph.node('Reshape', [graph.node('MatMul', [perBlock, values]), tables.splitOutput])
  const perReader = graph.node('Reshape', [graph.node('Transpose', [outputs], swapReadersAndHeads), tables.flatOutput])
  const perRow = graph.node('Gather', [perReader, tables.table])
  return graph.node('ReduceSum', [perRow, graph.ints(1)], { attributes: { keepdims: 0 } })
}
