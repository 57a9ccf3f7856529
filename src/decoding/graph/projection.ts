import { readMatrix, scaled, type TrunkBuild } from './decoder-build.ts'
import { linear, stackRows } from './linear.ts'
import { addAdapters, type LoraSite } from './lora-rows.ts'

/** Projections of one input that are computed as one product. */
export interface Projection {
  readonly name: string
  readonly module: 'self_attn' | 'mlp'
  readonly columns: number
  readonly bias: boolean
  readonly sites: readonly LoraSite[]
}

/** Projections of one input as a single product, with their biases and adapters. */
export function projection(build: TrunkBuild, layer: number, x: string, what: Projection): string {
  const { graph, weights } = build
  const prefix = `model.layers.${layer}.${what.module}`
  const parts = what.sites.map(({ target, rows, factor }) => {
    const matrix = readMatrix(build, `${prefix}.${target}.weight`, rows, what.columns)
    return scaled(matrix, factor)
  })
  let y = linear(graph, weights, x, `layer${layer}.${what.name}`, stackRows(parts))
  if (what.bias) y = graph.node('Sub', [y, negatedBias(build, layer, prefix, what)])
  const { columns, sites } = what
  return addAdapters(graph, build.adapters, build.lora, { x, y }, { layer, columns, sites })
}

// Added, ONNX Runtime 1.30 would fuse it into the row-wise 8-bit product and multiply it by the activations' scale too.
function negatedBias(build: TrunkBuild, layer: number, prefix: string, what: Projection): string {
  const parts = what.sites.map(({ target, rows, factor }) => {
    const values = build.tensors.read(`${prefix}.${target}.bias`, [rows])
    return scaled({ values, rows, columns: 1 }, -factor)
  })
  const { values, rows } = stackRows(parts)
  return build.graph.weight(`layer${layer}.${what.name}.bias`, values, [rows])
}
