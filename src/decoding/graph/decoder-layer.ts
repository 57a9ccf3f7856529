import { blockTokens, pagedAttention } from './attention.ts'
import { type DecoderBuild, rmsNorm, type TrunkBuild } from './decoder-build.ts'
import { projection } from './projection.ts'

/** Norm, attention over past and new tokens, residual; declares the layer's K/V inputs and returns its new K/V. */
export function attentionBlock(build: DecoderBuild, layer: number, hidden: string) {
  const { graph, config, tables } = build
  const { kvHeadCount, headSize } = config
  const { q, newKeys, newValues } = projectHeads(build, layer, hidden)
  const keys = graph.input(`k${layer}`, 'float32', ['N', kvHeadCount, headSize, blockTokens])
  const values = graph.input(`v${layer}`, 'float32', ['N', kvHeadCount, blockTokens, headSize])
  const attended = pagedAttention(graph, config, tables, { q, newKeys, newValues, keys, values })
  return { hidden: addOutput(build, layer, hidden, attended), keys: newKeys, values: newValues }
}

/**
 * Norm and projections of new tokens.
 * @returns q [rows, T, heads * headSize], rotated and scaled; keys [rows, kvHeads, headSize, T], rotated;
 * values [rows, kvHeads, T, headSize]
 */
export function projectHeads(build: TrunkBuild, layer: number, hidden: string) {
  const { graph, config } = build
  const { headCount, kvHeadCount, headSize } = config
  const normed = rmsNorm(build, hidden, `model.layers.${layer}.input_layernorm.weight`, config.hiddenSize)
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
  const [q, k, v] = graph.nodes('Split', [packed, graph.ints(querySize, kvSize, kvSize)], {
    outputs: 3,
    attributes: { axis: -1 },
  }) as [string, string, string]
  const rotatedQ = rotate(build, headNorm(build, layer, 'q_norm', q, headCount, factor), headCount)
  const rotatedK = rotate(build, headNorm(build, layer, 'k_norm', k, kvHeadCount, 1), kvHeadCount)
  const split = graph.ints(0, -1, kvHeadCount, headSize)
  const transposed = (x: string, perm: number[]) =>
    graph.node('Transpose', [graph.node('Reshape', [x, split])], { attributes: { perm } })
  return { q: rotatedQ, newKeys: transposed(rotatedK, [0, 2, 3, 1]), newValues: transposed(v, [0, 2, 1, 3]) }
}

/** The attention's output projection, added to the residual. */
export function addOutput(build: TrunkBuild, layer: number, hidden: string, attended: string): string {
  const { graph, config } = build
  const output = projection(build, layer, attended, {
    name: 'o',
    module: 'self_attn',
    columns: config.headCount * config.headSize,
    bias: config.outputBias,
    sites: [{ target: 'o_proj', rows: config.hiddenSize, factor: 1 }],
  })
  return graph.node('Add', [hidden, output])
}

/** Norm and gated feed-forward, without the residual. */
export function feedForward(build: TrunkBuild, layer: number, hidden: string): string {
  const { graph, config } = build
  const { hiddenSize, intermediateSize, mlpBias } = config
  const normed = rmsNorm(build, hidden, `model.layers.${layer}.post_attention_layernorm.weight`, hiddenSize)
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
  const [gate, up] = graph.nodes('Split', [packed, graph.ints(intermediateSize, intermediateSize)], {
    outputs: 2,
    attributes: { axis: -1 },
  }) as [string, string]
  // QuickGelu with alpha 1 is SiLU in one kernel
  const active = graph.node('QuickGelu', [gate], { domain: 'com.microsoft', attributes: { alpha: 1 } })
  return projection(build, layer, graph.node('Mul', [active, up]), {
    name: 'down',
    module: 'mlp',
    columns: intermediateSize,
    bias: mlpBias,
    sites: [{ target: 'down_proj', rows: hiddenSize, factor: 1 }],
  })
}

/** RMS norm of each head (Qwen3), with `factor` folded into its weight; without such norms nothing. */
function headNorm(build: TrunkBuild, layer: number, name: string, x: string, heads: number, factor: number): string {
  const { graph, config } = build
  if (!config.qkNorm) return x
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
