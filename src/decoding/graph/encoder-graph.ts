import type { TensorSource } from '../checkpoint/checkpoint.ts'
import type { EncoderConfig } from '../checkpoint/encoder-config.ts'
import { encoderPrefix } from '../checkpoint/encoder-tensors.ts'
import type { WeightFormat } from '../local/engine-options.ts'
import { dense, type EncoderBuild, encoderLayer, layerNorm } from './encoder-layer.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { quantiseRows } from './quantise.ts'

export interface EncoderSource {
  readonly config: EncoderConfig
  readonly tensors: TensorSource
  readonly weights: WeightFormat
  readonly labelCount: number
}

/** Writes the graph of one whole text [1, T] with its token types: `logits` [1, labels], read at the first token. */
export function writeEncoder(graph: GraphBuilder, source: EncoderSource): void {
  const build: EncoderBuild = { ...source, graph }
  const { config, labelCount } = source
  const prefix = encoderPrefix(config.architecture)
  let hidden = embeddings(build, `${prefix}.embeddings`)
  for (let layer = 0; layer < config.layerCount; layer++)
    hidden = encoderLayer(build, `${prefix}.encoder.layer.${layer}`, hidden)
  // [1, hidden] of the first token
  const first = graph.node('Gather', [hidden, graph.ints(0)], { attributes: { axis: 1 } })
  const pooled = graph.node('Reshape', [first, graph.ints(1, config.hiddenSize)])
  const bert = config.architecture === 'BertForSequenceClassification'
  const square = { rows: config.hiddenSize, columns: config.hiddenSize }
  const middle = dense(build, pooled, bert ? 'bert.pooler.dense' : 'classifier.dense', square, 'fp32')
  const output = bert ? 'classifier' : 'classifier.out_proj'
  const size = { rows: labelCount, columns: config.hiddenSize }
  const logits = dense(build, graph.node('Tanh', [middle]), output, size, 'fp32')
  graph.node('Reshape', [logits, graph.ints(1, labelCount)], { name: 'logits' })
  graph.output('logits', 'float32', [1, labelCount])
}

function embeddings(build: EncoderBuild, prefix: string): string {
  const { graph, config } = build
  const ids = graph.input('input_ids', 'int32', [1, 'T'])
  const positions = graph.input('position_ids', 'int64', [1, 'T'])
  const types = graph.input('token_type_ids', 'int32', [1, 'T'])
  const words = rowsOf(build, `${prefix}.word_embeddings.weight`, config.vocabSize, ids)
  const typed = graph.node('Add', [
    words,
    plainRows(build, `${prefix}.token_type_embeddings.weight`, config.typeCount, types),
  ])
  const placed = plainRows(build, `${prefix}.position_embeddings.weight`, config.positionRows, positions)
  return layerNorm(build, graph.node('Add', [typed, placed]), `${prefix}.LayerNorm`)
}

function plainRows({ graph, config, tensors }: EncoderBuild, name: string, rows: number, ids: string): string {
  const shape = [rows, config.hiddenSize]
  return graph.node('Gather', [graph.weight(name, tensors.read(name, shape), shape), ids])
}

/** Rows of a large table: one scale a row in 8 bits unless the format is fp32. */
function rowsOf(build: EncoderBuild, name: string, rows: number, ids: string): string {
  const { graph, config, tensors, weights } = build
  if (weights === 'fp32') return plainRows(build, name, rows, ids)
  const table = quantiseRows(tensors.read(name, [rows, config.hiddenSize]), rows, config.hiddenSize)
  const levels = graph.node('Gather', [graph.weight(name, table.values, [rows, config.hiddenSize]), ids])
  const scales = graph.node('Gather', [graph.weight(`${name}.scales`, table.scales, [rows, 1]), ids])
  return graph.node('Mul', [graph.node('Cast', [levels], { attributes: { to: 1 } }), scales])
}
