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
 * A product multiplies every block of a range with as many queries as the most-asked one has. Blocks that many rows share are
 * therefore a range of their own where that is cheaper, and otherwise the second range is empty. Inputs carry these prefixes.
 */
export const rangePrefixes = ['', 'shared_'] as const

/** Keys and values of a range of blocks, and who asks them. */
export interface BlockRangeInputs {
  /** [blocks, kvHeads, keyPanels, headSize, panelColumns] */
  readonly keys: string
  /** [blocks, kvHeads, valuePanels, blockTokens, headSize / valuePanels] */
  readonly values: string
  readonly asking: Asking
}

interface Asking {
  /** int32 [blocks, kvHeads, 1, readers * groupTokens]: the queries that ask each block */
  readonly queries: string
  /** int32 [blocks, kvHeads, 1, readers * groupTokens]: their weights for it, among rows * kvHeads * groupTokens * slots */
  readonly weights: string
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
  /** By range */
  readonly asking: readonly Asking[]
  /**
   * int32 [rows, kvHeads, groupTokens, slots * keyPanels]: the key panels of each row's blocks among
   * blocks * kvHeads * keyPanels * readers * groupTokens of the first range, and behind them those of the second
   */
  readonly slots: string
  /**
   * int32 [slots + 1, rows, T, heads, valuePanels]: their value panels likewise, with the slots first. The last slot is that of
   * the new tokens, whose rows * kvHeads * groupTokens * valuePanels lie behind both ranges.
   */
  readonly slotsFirst: string
  /** [rows, 1, groupTokens, slots * blockTokens + T], or with one new token [rows, 1, 1, ..]: 0 or -Infinity */
  readonly mask: string
  /** int64 [2]: slots * blockTokens, T */
  readonly spans: string
}

/** Declares the table inputs. */
export function blockTables(graph: GraphBuilder, shape: AttentionShape): BlockTables {
  const heads = shape.kvHeadCount
  const panels = valuePanels(shape.headSize)
  return {
    ownQueries: graph.input('own_queries', 'int32', ['B', heads, 'groupTokens']),
    ownKeys: graph.input('own_keys', 'int32', ['B', heads, 'T']),
    asking: rangePrefixes.map((prefix) => ({
      queries: graph.input(`${prefix}block_queries`, 'int32', [`${prefix}N`, heads, 1, `${prefix}asked`]),
      weights: graph.input(`${prefix}block_weights`, 'int32', [`${prefix}N`, heads, 1, `${prefix}asked`]),
    })),
    slots: graph.input('slots', 'int32', ['B', heads, 'groupTokens', 'keyPanels']),
    slotsFirst: graph.input('slots_first', 'int32', ['J', 'B', 'T', shape.headCount, panels]),
    mask: graph.input('mask', 'float32', ['B', 1, 'masked', 'seen']),
    spans: graph.input('spans', 'int64', [2]),
  }
}

/** Declares the K/V inputs of one layer, by range. */
export function layerBlocks(
  graph: GraphBuilder,
  shape: AttentionShape,
  tables: BlockTables,
  layer: number,
): BlockRangeInputs[] {
  const { kvHeadCount, headSize } = shape
  const panels = valuePanels(headSize)
  const keyBlock = [kvHeadCount, keyPanels, headSize, panelColumns]
  const valueBlock = [kvHeadCount, panels, blockTokens, headSize / panels]
  return rangePrefixes.map((prefix, range) => ({
    keys: graph.input(`${prefix}k${layer}`, 'float32', [`${prefix}N`, ...keyBlock]),
    values: graph.input(`${prefix}v${layer}`, 'float32', [`${prefix}N`, ...valueBlock]),
    asking: tables.asking[range]!,
  }))
}

/**
 * Attention of new tokens over paged K/V without ever copying K/V: each block is multiplied with the queries of the rows
 * that read it, and only queries, scores, weights and partial outputs, which are small, move between block order and row
 * order. A block shared by several rows (a common prompt, forked sequences) is stored and read once.
 *
 * @param input.heads [rows, T, (heads + kvHeads) * headSize]: queries and keys behind them
 * @param input.newValues [rows, kvHeads, T, headSize]
 * @returns attended [rows, T, heads * headSize], newKeys [rows, kvHeads, T, headSize]
 */
export function pagedAttention(
  graph: GraphBuilder,
  shape: AttentionShape,
  tables: BlockTables,
  input: { heads: string; newValues: string; ranges: readonly BlockRangeInputs[] },
): { attended: string; newKeys: string } {
  const heads = graph.node('Reshape', [input.heads, graph.ints(-1, shape.headSize)])
  const past = pastScores(graph, tables, heads, input.ranges)
  const own = graph.node('Gather', [heads, tables.ownQueries])
  const newKeys = graph.node('Gather', [heads, tables.ownKeys])
  const fresh = graph.node('FusedMatMul', [own, newKeys], { domain: 'com.microsoft', attributes: { transB: 1 } })
  const scores = graph.node('Concat', [past, fresh], { attributes: { axis: 3 } })
  const masked = graph.node('Add', [scores, tables.mask])
  const weights = graph.node('Softmax', [masked], { attributes: { axis: -1 } })
  return { attended: output(graph, shape, tables, { ...input, weights }), newKeys }
}

/** Scores of every row over its own past: [rows, kvHeads, groupTokens, slots * blockTokens] */
function pastScores(
  graph: GraphBuilder,
  tables: BlockTables,
  heads: string,
  ranges: readonly BlockRangeInputs[],
): string {
  const panels = ranges.map(({ asking, keys }) => {
    const scores = graph.node('MatMul', [graph.node('Gather', [heads, asking.queries]), keys])
    return graph.node('Reshape', [scores, graph.ints(-1, panelColumns)])
  })
  const perSlot = graph.node('Gather', [inOne(graph, panels), tables.slots])
  return graph.node('Reshape', [perSlot, graph.ints(0, 0, 0, -1)])
}

/**
 * What each row takes from its blocks and then from its new tokens, summed in this order: [rows, T, heads * headSize]. Over
 * the first axis ONNX Runtime adds one slot after another, whatever the other axes are; over inner ones it does not.
 */
function output(
  graph: GraphBuilder,
  shape: AttentionShape,
  tables: BlockTables,
  input: { weights: string; newValues: string; ranges: readonly BlockRangeInputs[] },
): string {
  const [pastWeights, newWeights] = graph.nodes('Split', [input.weights, tables.spans], {
    outputs: 2,
    attributes: { axis: -1 },
  }) as [string, string]
  const flat = graph.node('Reshape', [pastWeights, graph.ints(-1, blockTokens)])
  const fromPast = input.ranges.map(({ asking, values }) =>
    graph.node('MatMul', [graph.node('Gather', [flat, asking.weights]), values]),
  )
  const fromNew = graph.node('MatMul', [newWeights, input.newValues])
  const width = graph.ints(-1, shape.headSize / valuePanels(shape.headSize))
  const panels = [...fromPast, fromNew].map((part) => graph.node('Reshape', [part, width]))
  const perSlot = graph.node('Gather', [inOne(graph, panels), tables.slotsFirst])
  const sum = graph.node('ReduceSum', [perSlot, graph.ints(0)], { attributes: { keepdims: 0 } })
  return graph.node('Reshape', [sum, graph.ints(0, 0, -1)])
}

const inOne = (graph: GraphBuilder, parts: readonly string[]): string =>
  graph.node('Concat', parts, { attributes: { axis: 0 } })
