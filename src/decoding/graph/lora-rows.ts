import type { LoraAdapter, LoraTarget } from '../checkpoint/lora-adapter.ts'
import type { GraphBuilder } from './graph-builder.ts'

/** All adapters of a model side by side: adapter k owns columns [offsets[k], offsets[k] + ranks[k]) of the row mask. */
export interface LoraStack {
  readonly adapters: readonly LoraAdapter[]
  readonly ranks: readonly number[]
  readonly offsets: readonly number[]
  readonly totalRank: number
}

export function stackAdapters(adapters: readonly LoraAdapter[]): LoraStack {
  const ranks = adapters.map((adapter) => Math.max(0, ...[...adapter.pairs.values()].map((pair) => pair.rank)))
  const offsets = ranks.map((_, k) => ranks.slice(0, k).reduce((sum, rank) => sum + rank, 0))
  return { adapters, ranks, offsets, totalRank: ranks.reduce((sum, rank) => sum + rank, 0) }
}

export interface LoraSite {
  readonly target: LoraTarget
  /** Output size of the projection. */
  readonly rows: number
  /** What the base's own weights were multiplied with, the adapter's must be too. */
  readonly factor: number
}

/**
 * What the adapters add to one (packed) projection: ((x A) * mask) B, where a row's mask holds 1 in its own adapter's
 * columns
 * (masks[n - 1] repeats the mask n times, for n packed projections). All rows share the two products, so rows with different adapters still make one batch.
 * Returns undefined when no adapter touches this projection.
 */
export function loraRows(
  graph: GraphBuilder,
  stack: LoraStack,
  x: string,
  masks: readonly string[],
  site: { readonly layer: number; readonly columns: number; readonly sites: readonly LoraSite[] },
): string | undefined {
  const { layer, columns, sites } = site
  const touched = stack.adapters.some((adapter) => sites.some(({ target }) => adapter.pairs.has(`${layer}.${target}`)))
  if (!touched) return undefined
  const { down, up, width, rows } = stackSites(stack, layer, columns, sites)
  const name = `layer${layer}.${sites.map(({ target }) => target).join('-')}.lora`
  const low = graph.node('MatMul', [x, graph.weight(`${name}.a`, down, [columns, width])])
  return graph.node('MatMul', [
    graph.node('Mul', [low, masks[sites.length - 1]!]),
    graph.weight(`${name}.b`, up, [width, rows]),
  ])
}

// A is [columns, sites * totalRank]; B is block-diagonal over the sites: [sites * totalRank, sum of rows].
function stackSites(stack: LoraStack, layer: number, columns: number, sites: readonly LoraSite[]) {
  const width = sites.length * stack.totalRank
  const rows = sites.reduce((sum, site) => sum + site.rows, 0)
  const down = new Float32Array(columns * width)
  const up = new Float32Array(width * rows)
  let firstRow = 0
  for (const [s, { target, rows: siteRows, factor }] of sites.entries()) {
    for (const [k, adapter] of stack.adapters.entries()) {
      const pair = adapter.pairs.get(`${layer}.${target}`)
      if (pair === undefined) continue
      const first = s * stack.totalRank + stack.offsets[k]!
      for (let r = 0; r < pair.rank; r++) {
        for (let c = 0; c < columns; c++) down[c * width + first + r] = pair.a[r * columns + c]!
        for (let o = 0; o < siteRows; o++)
          up[(first + r) * rows + firstRow + o] = pair.b[o * pair.rank + r]! * pair.scale * factor
      }
    }
    firstRow += siteRows
  }
  return { down, up, width, rows }
}
