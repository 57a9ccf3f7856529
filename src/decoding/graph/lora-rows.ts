import type { LoraAdapter, LoraTarget } from '../checkpoint/lora-adapter.ts'
import type { GraphBuilder } from './graph-builder.ts'

/** Graph inputs that say which rows of the batch are whose; rows of the bare base are in neither. */
export interface LoraTables {
  /** int64 [adapted rows]: those of the first adapter, then those of the second, .. */
  readonly rows: string
  /** int64 [adapters]: how many rows each has */
  readonly counts: string
}

/** Declares the inputs; undefined without adapters. */
export function loraTables(graph: GraphBuilder, adapters: readonly LoraAdapter[]): LoraTables | undefined {
  if (adapters.length === 0) return undefined
  return {
    rows: graph.input('lora_rows', 'int64', ['adapted']),
    counts: graph.input('lora_counts', 'int64', [adapters.length]),
  }
}

export interface LoraSite {
  readonly target: LoraTarget
  /** Output size of the projection. */
  readonly rows: number
  /** What the base's own weights were multiplied with, the adapter's must be too. */
  readonly factor: number
}

/** A (packed) projection of a layer. */
interface Place {
  readonly layer: number
  readonly columns: number
  readonly sites: readonly LoraSite[]
}

/**
 * The projection's output `y` [rows, T, ..] with what the adapters add to it: each adapter's rows of the input `x` go through
 * its own two matrices and nobody else's, and an adapter without rows costs next to nothing. The matrices are constants, so
 * that ONNX Runtime packs them: packed products add up a row in the same order however many rows there are.
 */
export function addAdapters(
  graph: GraphBuilder,
  adapters: readonly LoraAdapter[],
  tables: LoraTables | undefined,
  { x, y }: { readonly x: string; readonly y: string },
  place: Place,
): string {
  const { layer, sites } = place
  const touching = [...adapters.keys()].filter((k) =>
    sites.some(({ target }) => adapters[k]!.pairs.has(`${layer}.${target}`)),
  )
  if (tables === undefined || touching.length === 0) return y
  const { rows, counts, places } = rowsOf(graph, tables, adapters.length, touching)
  const inputs = graph.node('Gather', [x, rows])
  const perAdapter =
    touching.length === 1
      ? [inputs]
      : graph.nodes('Split', [inputs, counts], { outputs: touching.length, attributes: { axis: 0 } })
  const added = touching.map((k, i) => adapterProduct(graph, perAdapter[i]!, `lora${k}`, adapters[k]!, place))
  const all = added.length === 1 ? added[0]! : graph.node('Concat', added, { attributes: { axis: 0 } })
  return graph.node('ScatterND', [y, places, all], { attributes: { reduction: 'add' } })
}

/** The rows of these adapters alone, as the tables give those of all; and once more as places of a ScatterND. */
function rowsOf(graph: GraphBuilder, tables: LoraTables, adapterCount: number, chosen: readonly number[]) {
  const key = `LoRA rows of ${chosen.join()}`
  const { rows, counts } = chosen.length === adapterCount ? tables : tablesOf(graph, tables, adapterCount, chosen)
  const places = graph.once(`${key}: places`, () => graph.node('Reshape', [rows, graph.ints(-1, 1)]))
  return { rows, counts, places }
}

function tablesOf(graph: GraphBuilder, { rows, counts }: LoraTables, adapterCount: number, chosen: readonly number[]) {
  const key = `LoRA rows of ${chosen.join()}`
  const chosenRows = graph.once(key, () => {
    const each = graph.nodes('Split', [rows, counts], { outputs: adapterCount, attributes: { axis: 0 } })
    const parts = chosen.map((k) => each[k]!)
    return graph.node('Concat', parts, { attributes: { axis: 0 } })
  })
  const chosenCounts = graph.once(`${key}: counts`, () => graph.node('Gather', [counts, graph.ints(...chosen)]))
  return { rows: chosenRows, counts: chosenCounts }
}

/** (x A) B of one adapter over the sites it touches: A side by side, B block-diagonal. */
function adapterProduct(graph: GraphBuilder, x: string, name: string, adapter: LoraAdapter, place: Place): string {
  const { layer, columns, sites } = place
  const { down, up, width, rows } = stackSites(adapter, place)
  const weight = `layer${layer}.${sites.map(({ target }) => target).join('-')}.${name}`
  const low = graph.node('MatMul', [x, graph.weight(`${weight}.a`, down, [columns, width])])
  return graph.node('MatMul', [low, graph.weight(`${weight}.b`, up, [width, rows])])
}

function stackSites(adapter: LoraAdapter, { layer, columns, sites }: Place) {
  const rows = sites.reduce((sum, site) => sum + site.rows, 0)
  const rank = ({ target }: LoraSite) => adapter.pairs.get(`${layer}.${target}`)?.rank ?? 0
  const width = sites.reduce((sum, site) => sum + rank(site), 0)
  const down = new Float32Array(columns * width)
  const up = new Float32Array(width * rows)
  let [first, firstRow] = [0, 0]
  for (const site of sites) {
    const pair = adapter.pairs.get(`${layer}.${site.target}`)
    for (let r = 0; pair !== undefined && r < pair.rank; r++) {
      for (let c = 0; c < columns; c++) down[c * width + first + r] = pair.a[r * columns + c]!
      for (let o = 0; o < site.rows; o++)
        up[(first + r) * rows + firstRow + o] = pair.b[o * pair.rank + r]! * pair.scale * site.factor
    }
    first += rank(site)
    firstRow += site.rows
  }
  return { down, up, width, rows }
}
