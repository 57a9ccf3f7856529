import type { GraphBuilder } from './graph-builder.ts'

/** Tokens in one block of K/V. */
export const blockTokens = 64

/**
 * Columns of a block that lie together: its keys are panels of 32 tokens, its values panels of 32 numbers of the head. ONNX
 * Runtime packs the right side of a product panel by panel, and reads a block so from its first number to its last; whole
 * rows of 64 took half as long again.
 */
export const panelColumns = 32
export const keyPanels = blockTokens / panelColumns

/** Panels of a block's values; a head that 32 does not divide is one panel. */
export const valuePanels = (headSize: number): number => (headSize % panelColumns === 0 ? headSize / panelColumns : 1)

export interface AttentionShape {
  readonly headCount: number
  readonly kvHeadCount: number
  readonly headSize: number
}

/**
 * Graph inputs that say which rows read which blocks. A head group's queries of one row are its G * T "group tokens";
 * docs/decisions/0002 draws the scheme.
 */
export interface BlockTables {
  /** int32 [rows, kvHeads, groupTokens]: where each lies among the rows * T * (heads + kvHeads) new heads */
  readonly ownQueries: string
  /** int32 [rows, kvHeads, T]: where the new keys lie among them */
  readonly ownKeys: string
  /** int32 [blocks, kvHeads, 1, readers * groupTokens]: the queries that ask each block */
  readonly blockQueries: string
  /** int32 [blocks, kvHeads, 1, readers * groupTokens]: their weights for it, among rows * kvHeads * groupTokens * slots */
  readonly blockWeights: string
  /**
   * int32 [rows, kvHeads, groupTokens, slots * keyPanels]: the key panels of each row's blocks among
   * blocks * kvHeads * keyPanels * readers * groupTokens
   */
  readonly slots: string
  /** int32 [slots, rows, kvHeads, groupTokens, valuePanels]: their value panels likewise, with the slots first */
  readonly slotsFirst: string
  /** [rows, 1, groupTokens, slots * blockTokens + T], or with one new token [rows, 1, 1, ..]: 0 or -Infinity */
  readonly mask: string
  /** int64 [2]: slots * blockTokens, T */
  readonly spans: string
}

/** Declares the table inputs. */
export function blockTables(graph: GraphBuilder, shape: AttentionShape): BlockTables {
  const heads = shape.kvHeadCount
  return {
    ownQueries: graph.input('own_queries', 'int32', ['B', heads, 'groupTokens']),
    ownKeys: graph.input('own_keys', 'int32', ['B', heads, 'T']),
    blockQueries: graph.input('block_queries', 'int32', ['N', heads, 1, 'asked']),
    blockWeights: graph.input('block_weights', 'int32', ['N', heads, 1, 'asked']),
    slots: graph.input('slots', 'int32', ['B', heads, 'groupTokens', 'keyPanels']),
    slotsFirst: graph.input('slots_first', 'int32', ['J', 'B', heads, 'groupTokens', valuePanels(shape.headSize)]),
    mask: graph.input('mask', 'float32', ['B', 1, 'masked', 'seen']),
    spans: graph.input('spans', 'int64', [2]),
  }
}

/**
 * Attention of new tokens over paged K/V without ever copying K/V: each block is multiplied with the queries of the rows
 * that read it, and only queries, scores, weights and partial outputs, which are small, move between block order and row
 * order. A block shared by several rows (a common prompt, forked sequences) is stored and read once.
 *
 * @param input.heads [rows, T, (heads + kvHeads) * headSize]: queries and keys behind them
 * @param input.newValues [rows, kvHeads, T, headSize]
 * @param input.keys [blocks, kvHeads, keyPanels, headSize, panelColumns]
 * @param input.values [blocks, kvHeads, valuePanels, blockTokens, headSize / valuePanels]
 * @returns attended [rows, T, heads * headSize], newKeys [rows, kvHeads, T, headSize]
 */
export function pagedAttention(
  graph: GraphBuilder,
  shape: AttentionShape,
  tables: BlockTables,
  input: { heads: string; newValues: string; keys: string; values: string },
): { attended: string; newKeys: string } {
  const heads = graph.node('Reshape', [input.heads, graph.ints(-1, shape.headSize)])
  const past = pastScores(graph, tables, heads, input.keys)
  const own = graph.node('Gather', [heads, tables.ownQueries])
  const newKeys = graph.node('Gather', [heads, tables.ownKeys])
  const fresh = graph.node('FusedMatMul', [own, newKeys], { domain: 'com.microsoft', attributes: { transB: 1 } })
  const scores = graph.node('Concat', [past, fresh], { attributes: { axis: 3 } })
  const masked = graph.node('Add', [scores, tables.mask])
  const weights = graph.node('Softmax', [masked], { attributes: { axis: -1 } })
  const [pastWeights, newWeights] = graph.nodes('Split', [weights, tables.spans], {
    outputs: 2,
    attributes: { axis: -1 },
  }) as [string, string]
  const fromPast = pastOutput(graph, tables, pastWeights, input.values, shape.headSize)
  const fromNew = graph.node('MatMul', [newWeights, input.newValues])
  return { attended: ungroup(graph, shape, graph.node('Add', [fromPast, fromNew])), newKeys }
}

/** Scores of every row over its own past: [rows, kvHeads, groupTokens, slots * blockTokens] */
function pastScores(graph: GraphBuilder, tables: BlockTables, heads: string, keys: string): string {
  const scores = graph.node('MatMul', [graph.node('Gather', [heads, tables.blockQueries]), keys])
  const flat = graph.node('Reshape', [scores, graph.ints(-1, panelColumns)])
  const perSlot = graph.node('Gather', [flat, tables.slots])
  return graph.node('Reshape', [perSlot, graph.ints(0, 0, 0, -1)])
}

/**
 * What each row takes from its blocks, summed in the row's own order: [rows, kvHeads, groupTokens, headSize]. Over the first
 * axis ONNX Runtime adds one slot after another, whatever the other axes are; over inner ones it does not.
 */
function pastOutput(
  graph: GraphBuilder,
  tables: BlockTables,
  weights: string,
  values: string,
  headSize: number,
): string {
  const flat = graph.node('Reshape', [weights, graph.ints(-1, blockTokens)])
  const outputs = graph.node('MatMul', [graph.node('Gather', [flat, tables.blockWeights]), values])
  const panels = graph.node('Reshape', [outputs, graph.ints(-1, headSize / valuePanels(headSize))])
  const perSlot = graph.node('Gather', [panels, tables.slotsFirst])
  const sum = graph.node('ReduceSum', [perSlot, graph.ints(0)], { attributes: { keepdims: 0 } })
  return graph.node('Reshape', [sum, graph.ints(0, 0, 0, -1)])
}

/** [rows, kvHeads, groups * T, headSize] to [rows, T, heads * headSize] */
function ungroup(graph: GraphBuilder, shape: AttentionShape, x: string): string {
  const { headCount, kvHeadCount, headSize } = shape
  const split = graph.node('Reshape', [x, graph.ints(0, kvHeadCount, headCount / kvHeadCount, -1, headSize)])
  const byToken = graph.node('Transpose', [split], { attributes: { perm: [0, 3, 1, 2, 4] } })
  return graph.node('Reshape', [byToken, graph.ints(0, -1, headCount * headSize)])
}
