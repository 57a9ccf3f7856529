import { layerBlocks, pagedAttention } from './attention.ts'
import { type DecoderBuild, normedResidual, type Residual, rmsNorm, type TrunkBuild } from './decoder-build.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { projection } from './projection.ts'

/** Norm and attention over past and new tokens; declares the layer's K/V inputs and returns its new K/V. */
export function attentionBlock(build: DecoderBuild, layer: number, residual: Residual) {
  const { graph, config, tables } = build
  const { sum, heads, newValues } = projectHeads(build, layer, residual)
  const ranges = layerBlocks(graph, config, tables, layer)
  const { attended, newKeys } = pagedAttention(graph, config, tables, { heads, newValues, ranges })
  return { residual: { sum, addend: outputProjection(build, layer, attended) }, keys: newKeys, values: newValues }
}

/**
 * Norm and projections of new tokens.
 * @returns the residual's sum; heads [rows, T, (heads + kvHeads) * headSize], each token's queries, scaled, and keys behind
 * them, all rotated; newValues [rows, kvHeads, T, headSize]
 */
export function projectHeads(build: TrunkBuild, layer: number, residual: Residual) {
  const { graph, config } = build
  const { headCount, kvHeadCount, headSize } = config
  const { normed, sum } = normedResidual(build, residual, `model.layers.${layer}.input_layernorm.weight`)
  const [querySize, kvSize] = [headCount * headSize, kvHeadCount * headSize]
  // with norms on q the scale has to come after them
  const factor = 1 / Math.sqrt(headSize)
  const packed = projection(build, layer, normed, {
    name: 'qkv',
    module: 'self_attn',
    columns: config.hiddenSize,
    bias: config.qkvBias,
    sites: [
      { target: 'q_proj', rows: querySize, factor: config.qkNorm ? 1 : factor },
      { target: 'k_proj', rows: kvSize, factor: 1 },
      { target: 'v_proj', rows: kvSize, factor: 1 },
    ],
  })
  const [qk, v] = splitLast(graph, packed, [querySize + kvSize, kvSize])
  const heads = rotate(build, config.qkNorm ? normedHeads(build, layer, qk, factor) : qk, headCount + kvHeadCount)
  const split = graph.node('Reshape', [v, graph.ints(0, -1, kvHeadCount, headSize)])
  const newValues = graph.node('Transpose', [split], { attributes: { perm: [0, 2, 1, 3] } })
  return { sum, heads, newValues }
}

/** The attention's output projection. */
export function outputProjection(build: TrunkBuild, layer: number, attended: string): string {
  const { config } = build
  return projection(build, layer, attended, {
    name: 'o',
    module: 'self_attn',
    columns: config.headCount * config.headSize,
    bias: config.outputBias,
    sites: [{ target: 'o_proj', rows: config.hiddenSize, factor: 1 }],
  })
}

/** Norm and gated feed-forward. */
export function feedForward(build: TrunkBuild, layer: number, residual: Residual): Residual {
  const { graph, config } = build
  const { hiddenSize, intermediateSize, mlpBias } = config
  const name = `model.layers.${layer}.post_attention_layernorm.weight`
  const { normed, sum } = normedResidual(build, residual, name)
  const packed = projection(build, layer, normed, {
    name: 'gate_up',
    module: 'mlp',
    columns: hiddenSize,
    bias: mlpBias,
    sites: [
      { target: 'gate_proj', rows: intermediateSize, factor: 1 },
      { target: 'up_proj', rows: intermediateSize, factor: 1 },
    ],
  })
  const [gate, up] = splitLast(graph, packed, [intermediateSize, intermediateSize])
  // QuickGelu with alpha 1 is SiLU in one kernel
  const active = graph.node('QuickGelu', [gate], { domain: 'com.microsoft', attributes: { alpha: 1 } })
  const addend = projection(build, layer, graph.node('Mul', [active, up]), {
    name: 'down',
    module: 'mlp',
    columns: intermediateSize,
    bias: mlpBias,
    sites: [{ target: 'down_proj', rows: hiddenSize, factor: 1 }],
  })
  return { sum, addend }
}

/** Queries and keys behind them, each head normed (Qwen3), the queries times `factor`. */
function normedHeads(build: TrunkBuild, layer: number, qk: string, factor: number): string {
  const { headCount, kvHeadCount, headSize } = build.config
  const [q, k] = splitLast(build.graph, qk, [headCount * headSize, kvHeadCount * headSize])
  const queries = headNorm(build, layer, 'q_norm', q, headCount, factor)
  const keys = headNorm(build, layer, 'k_norm', k, kvHeadCount, 1)
  return build.graph.node('Concat', [queries, keys], { attributes: { axis: -1 } })
}

/** RMS norm of each head, with `factor` folded into its weight. */
function headNorm(build: TrunkBuild, layer: number, name: string, x: string, heads: number, factor: number): string {
  const { graph, config } = build
  const split = graph.node('Reshape', [x, graph.ints(0, -1, heads, config.headSize)])
  const normed = rmsNorm(build, split, `model.layers.${layer}.self_attn.${name}.weight`, config.headSize, factor)
  return graph.node('Reshape', [normed, graph.ints(0, -1, heads * config.headSize)])
}

function rotate(build: TrunkBuild, x: string, heads: number): string {
  const { positions, cos, sin } = build.rope
  return build.graph.node('RotaryEmbedding', [x, positions, cos, sin], {
    domain: 'com.microsoft',
    attributes: { num_heads: heads },
  })
}

/** Two parts of the last axis. */
export function splitLast(graph: GraphBuilder, x: string, sizes: readonly [number, number]): [string, string] {
  const parts = graph.nodes('Split', [x, graph.ints(...sizes)], { outputs: 2, attributes: { axis: -1 } })
  return parts as [string, string]
}
