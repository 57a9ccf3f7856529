import type { TensorSource } from '../checkpoint/checkpoint.ts'
import type { ModelConfig } from '../checkpoint/model-config.ts'
import { ropeInverseFrequencies } from '../checkpoint/rope.ts'
import type { WeightFormat } from '../local/engine-options.ts'
import { type BlockTables, blockTables, blockTokens, pagedAttention } from './attention.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { linear, type Matrix, stackRows } from './linear.ts'
import { type LoraSite, type LoraStack, loraRows } from './lora-rows.ts'
import { quantiseRows } from './quantise.ts'

/** Raise it whenever the graph changes, so that prepared graphs on disk are made anew. */
export const graphVersion = 4

/** What a decoder's graph is made from. */
export interface DecoderSource {
  readonly config: ModelConfig
  readonly tensors: TensorSource
  readonly adapters: LoraStack
  readonly weights: WeightFormat
  /** Rows of the embedding and of the output that are kept. */
  readonly vocabSize: number
  /** Positions the rotary table covers. */
  readonly contextLength: number
}

/** How many of the most likely tokens the graph picks out itself. */
export const topCount = 64

interface Build extends DecoderSource {
  readonly graph: GraphBuilder
  readonly tables: BlockTables
  readonly loraMasks: readonly string[]
  readonly rope: { readonly positions: string; readonly cos: string; readonly sin: string }
}

/**
 * Writes the graph of one step: new tokens [B, T] of B rows in, their K/V and logits out. The past is the caller's
 * (inputs k0, v0, k1, ..: [N, kvHeads, headSize, 64] and [N, kvHeads, 64, headSize]); nothing of it is returned.
 */
export function writeDecoder(graph: GraphBuilder, source: DecoderSource): void {
  const { config, contextLength } = source
  const ids = graph.input('input_ids', 'int32', ['B', 'T'])
  const positions = graph.input('position_ids', 'int64', ['B', 'T'])
  const build: Build = {
    ...source,
    graph,
    tables: blockTables(graph, config),
    loraMasks: loraMasks(graph, source.adapters),
    rope: { positions, ...ropeTables(graph, config, contextLength) },
  }
  let hidden = embed(build, ids)
  const newKeys: string[] = []
  const newValues: string[] = []
  for (let layer = 0; layer < config.layerCount; layer++) {
    const attended = attentionBlock(build, layer, hidden)
    newKeys.push(attended.keys)
    newValues.push(attended.values)
    hidden = graph.node('Add', [attended.hidden, feedForward(build, layer, attended.hidden)])
  }
  // layers one after another along the first axis: [layers * B, ..]
  collect(graph, 'new_keys', newKeys, ['LB', config.kvHeadCount, config.headSize, 'T'])
  collect(graph, 'new_values', newValues, ['LB', config.kvHeadCount, 'T', config.headSize])
  writeHead(build, hidden)
}

function loraMasks(graph: GraphBuilder, stack: LoraStack): readonly string[] {
  if (stack.totalRank === 0) return []
  const mask = graph.input('lora_mask', 'float32', ['B', 1, stack.totalRank])
  const repeat = (n: number) => graph.node('Concat', Array<string>(n).fill(mask), { attributes: { axis: 2 } })
  return [mask, repeat(2), repeat(3)]
}

function ropeTables(graph: GraphBuilder, config: ModelConfig, contextLength: number) {
  const { inverseFrequencies, attentionFactor } = ropeInverseFrequencies(config)
  const half = inverseFrequencies.length
  const cos = new Float32Array(contextLength * half)
  const sin = new Float32Array(contextLength * half)
  for (let position = 0; position < contextLength; position++)
    for (let i = 0; i < half; i++) {
      // transformers computes the angle in fp32
      const angle = Math.fround(position * Math.fround(inverseFrequencies[i]!))
      cos[position * half + i] = Math.cos(angle) * attentionFactor
      sin[position * half + i] = Math.sin(angle) * attentionFactor
    }
  const shape = [contextLength, half]
  return { cos: graph.weight('rope.cos', cos, shape), sin: graph.weight('rope.sin', sin, shape) }
}

function embed(build: Build, ids: string): string {
  const { graph, config, vocabSize, weights } = build
  const values = readMatrix(build, 'model.embed_tokens.weight', config.vocabSize, config.hiddenSize)
  const kept = values.values.subarray(0, vocabSize * config.hiddenSize)
  const shape = [vocabSize, config.hiddenSize]
  if (weights === 'fp32') return graph.node('Gather', [graph.weight('embedding', kept, shape), ids])
  const rows = quantiseRows(kept, vocabSize, config.hiddenSize)
  const levels = graph.node('Gather', [graph.weight('embedding', rows.values, shape), ids])
  const scales = graph.node('Gather', [graph.weight('embedding.scales', rows.scales, [vocabSize, 1]), ids])
  return graph.node('Mul', [graph.node('Cast', [levels], { attributes: { to: 1 } }), scales])
}

function attentionBlock(build: Build, layer: number, hidden: string) {
  const { graph, config, tables } = build
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
  const newKeys = transposed(rotatedK, [0, 2, 3, 1])
  const newValues = transposed(v, [0, 2, 1, 3])
  const keys = graph.input(`k${layer}`, 'float32', ['N', kvHeadCount, headSize, blockTokens])
  const values = graph.input(`v${layer}`, 'float32', ['N', kvHeadCount, blockTokens, headSize])
  const attended = pagedAttention(graph, config, tables, { q: rotatedQ, newKeys, newValues, keys, values })
  const output = projection(build, layer, attended, {
    name: 'o',
    module: 'self_attn',
    columns: querySize,
    bias: config.outputBias,
    sites: [{ target: 'o_proj', rows: config.hiddenSize, factor: 1 }],
  })
  return { hidden: graph.node('Add', [hidden, output]), keys: newKeys, values: newValues }
}

function feedForward(build: Build, layer: number, hidden: string): string {
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

interface Projection {
  readonly name: string
  readonly module: 'self_attn' | 'mlp'
  readonly columns: number
  readonly bias: boolean
  readonly sites: readonly LoraSite[]
}

/** Projections of one input as a single product, with their biases and adapters. */
function projection(build: Build, layer: number, x: string, what: Projection): string {
  const { graph, weights } = build
  const prefix = `model.layers.${layer}.${what.module}`
  const parts = what.sites.map(({ target, rows, factor }) => {
    const matrix = readMatrix(build, `${prefix}.${target}.weight`, rows, what.columns)
    return scaled(matrix, factor)
  })
  let y = linear(graph, weights, x, `layer${layer}.${what.name}`, stackRows(parts))
  if (what.bias) y = graph.node('Sub', [y, negatedBias(build, layer, prefix, what)])
  const { columns, sites } = what
  const added = loraRows(graph, build.adapters, x, build.loraMasks, { layer, columns, sites })
  return added === undefined ? y : graph.node('Add', [y, added])
}

// Added, ONNX Runtime 1.30 would fuse it into the row-wise 8-bit product and multiply it by the activations' scale too.
function negatedBias(build: Build, layer: number, prefix: string, what: Projection): string {
  const parts = what.sites.map(({ target, rows, factor }) => {
    const values = build.tensors.read(`${prefix}.${target}.bias`, [rows])
    return scaled({ values, rows, columns: 1 }, -factor)
  })
  const { values, rows } = stackRows(parts)
  return build.graph.weight(`layer${layer}.${what.name}.bias`, values, [rows])
}

const scaled = (matrix: Matrix, factor: number): Matrix =>
  factor === 1 ? matrix : { ...matrix, values: matrix.values.map((value) => value * factor) }

/** RMS norm of each head (Qwen3), with `factor` folded into its weight; without such norms nothing. */
function headNorm(build: Build, layer: number, name: string, x: string, heads: number, factor: number): string {
  const { graph, config } = build
  if (!config.qkNorm) return x
  const split = graph.node('Reshape', [x, graph.ints(0, -1, heads, config.headSize)])
  const normed = rmsNorm(build, split, `model.layers.${layer}.self_attn.${name}.weight`, config.headSize, factor)
  return graph.node('Reshape', [normed, graph.ints(0, -1, heads * config.headSize)])
}

function rotate(build: Build, x: string, heads: number): string {
  const { positions, cos, sin } = build.rope
  return build.graph.node('RotaryEmbedding', [x, positions, cos, sin], {
    domain: 'com.microsoft',
    attributes: { num_heads: heads },
  })
}

function rmsNorm(build: Build, x: string, name: string, size: number, factor = 1): string {
  const weight = scaled({ values: build.tensors.read(name, [size]), rows: size, columns: 1 }, factor)
  return build.graph.node('SimplifiedLayerNormalization', [x, build.graph.weight(name, weight.values, [size])], {
    attributes: { axis: -1, epsilon: build.config.rmsNormEps, stash_type: 1 },
  })
}

function collect(graph: GraphBuilder, name: string, perLayer: readonly string[], shape: (number | string)[]): void {
  graph.node('Concat', perLayer, { name, attributes: { axis: 0 } })
  graph.output(name, 'float32', shape)
}

/**
 * Logits of the positions from `logits_from` on, and what sampling needs of their mixtures: row r of `mix` and
 * `guide_mix` holds the coefficients (over temperature) of one sequence's contexts, base rows and other models' logits.
 */
function writeHead(build: Build, hidden: string): void {
  const { graph, config, vocabSize, weights } = build
  const from = graph.input('logits_from', 'int64', [1])
  const kept = graph.node('Slice', [hidden, from, graph.ints(2 ** 40), graph.ints(1)])
  const normed = rmsNorm(build, kept, 'model.norm.weight', config.hiddenSize)
  const name = config.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
  const full = readMatrix(build, name, config.vocabSize, config.hiddenSize)
  const matrix = { ...full, values: full.values.subarray(0, vocabSize * config.hiddenSize), rows: vocabSize }
  // the output matrix decides tokens directly: formats coarser than int8 cost too much quality there
  const format = weights === 'fp32' ? 'fp32' : 'int8'
  const wide = linear(graph, format, normed, 'lm_head', matrix)
  const logits = graph.node('Reshape', [wide, graph.ints(-1, vocabSize)], { name: 'logits' })
  graph.output('logits', 'float32', ['rows', vocabSize])
  writeMixture(graph, logits, vocabSize)
}

function writeMixture(graph: GraphBuilder, logits: string, vocabSize: number): void {
  const mix = graph.input('mix', 'float32', ['R', 'rows'])
  const guideMix = graph.input('guide_mix', 'float32', ['R', 'E'])
  const guideLogits = graph.input('guide_logits', 'float32', ['E', vocabSize])
  const wanted = graph.input('mix_rows', 'int64', [1])
  const own = graph.node('MatMul', [mix, logits])
  const all = graph.node('Add', [own, graph.node('MatMul', [guideMix, guideLogits])])
  // R is at least 2, because one-row products are summed in another order; the padding row goes here
  const mixed = graph.node('Slice', [all, graph.ints(0), wanted, graph.ints(0)], { name: 'mixed' })
  graph.output('mixed', 'float32', ['wanted', vocabSize])
  const logprobs = graph.node('LogSoftmax', [mixed], { attributes: { axis: -1 } })
  const count = Math.min(topCount, vocabSize)
  const [, ids] = graph.nodes('TopK', [logprobs, graph.ints(count)], {
    outputs: 2,
    name: 'top_logprobs',
    attributes: { axis: -1, largest: 1, sorted: 1 },
  }) as [string, string]
  graph.node('Cast', [ids], { name: 'top_ids', attributes: { to: 6 } })
  graph.output('top_logprobs', 'float32', ['wanted', count])
  graph.output('top_ids', 'int32', ['wanted', count])
}

function readMatrix(build: Build, name: string, rows: number, columns: number): Matrix {
  return { values: build.tensors.read(name, [rows, columns]), rows, columns }
}
