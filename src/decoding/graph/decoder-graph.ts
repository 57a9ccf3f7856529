import type { ModelConfig } from '../checkpoint/model-config.ts'
import { ropeInverseFrequencies } from '../checkpoint/rope.ts'
import { blockTables } from './attention.ts'
import {
  addedUp,
  type DecoderBuild,
  type DecoderSource,
  type Residual,
  readMatrix,
  rmsNorm,
  type TrunkBuild,
} from './decoder-build.ts'
import { attentionBlock, feedForward } from './decoder-layer.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { linear } from './linear.ts'
import { loraTables } from './lora-rows.ts'
import { writeMixture } from './mixture.ts'
import { quantiseRows } from './quantise.ts'

/** Raise it whenever the graph changes, so that prepared graphs on disk are made anew. */
export const graphVersion = 13

/**
 * Writes the graph of one step: new tokens [B, T] of B rows in, their K/V and logits out. The past is the caller's
 * (inputs k0, v0, k1, ..: blocks of 64 tokens in the panels of attention.ts); nothing of it is returned.
 */
export function writeDecoder(graph: GraphBuilder, source: DecoderSource): void {
  const { config, contextLength } = source
  const ids = graph.input('input_ids', 'int32', ['B', 'T'])
  const positions = graph.input('position_ids', 'int64', ['B', 'T'])
  const build: DecoderBuild = {
    ...source,
    graph,
    tables: blockTables(graph, config),
    lora: loraTables(graph, source.adapters),
    rope: { positions, ...ropeTables(graph, config, contextLength) },
  }
  let residual: Residual = { sum: embed(build, ids), addend: undefined }
  const newKeys: string[] = []
  const newValues: string[] = []
  for (let layer = 0; layer < config.layerCount; layer++) {
    const attended = attentionBlock(build, layer, residual)
    newKeys.push(attended.keys)
    newValues.push(attended.values)
    residual = feedForward(build, layer, attended.residual)
  }
  // layers one after another along the first axis: [layers * B, ..]
  collect(graph, 'new_keys', newKeys, ['LB', config.kvHeadCount, 'T', config.headSize])
  collect(graph, 'new_values', newValues, ['LB', config.kvHeadCount, 'T', config.headSize])
  writeHead(build, addedUp(graph, residual))
}

/** Cosines and sines of every position of the context. */
export function ropeTables(graph: GraphBuilder, config: ModelConfig, contextLength: number) {
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

/** The embedding matrix and its rows of these ids. */
export function embed(build: TrunkBuild, ids: string): string {
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

function collect(graph: GraphBuilder, name: string, perLayer: readonly string[], shape: (number | string)[]): void {
  graph.node('Concat', perLayer, { name, attributes: { axis: 0 } })
  graph.output(name, 'float32', shape)
}

/** Mixtures of the positions from `logits_from` on, and their logits. */
function writeHead(build: DecoderBuild, hidden: string): void {
  const { graph, config, vocabSize, weights } = build
  const from = graph.input('logits_from', 'int64', [1])
  const kept = graph.node('Slice', [hidden, from, graph.ints(2 ** 40), graph.ints(1)])
  const normed = rmsNorm(build, kept, 'model.norm.weight', config.hiddenSize)
  const states = graph.node('Reshape', [normed, graph.ints(-1, config.hiddenSize)])
  const name = config.tiedEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
  const full = readMatrix(build, name, config.vocabSize, config.hiddenSize)
  const matrix = { ...full, values: full.values.subarray(0, vocabSize * config.hiddenSize), rows: vocabSize }
  // the output matrix decides tokens directly: formats coarser than int8 cost too much quality there
  const format = weights === 'fp32' ? 'fp32' : 'int8'
  writeMixture(graph, states, vocabSize, (sums) => linear(graph, format, sums, 'lm_head', matrix))
}
