import type { TensorSource } from '../checkpoint/checkpoint.ts'
import type { EncoderConfig } from '../checkpoint/encoder-config.ts'
import type { WeightFormat } from '../local/engine-options.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { linear, type Matrix, stackRows } from './linear.ts'

/** An encoder under construction. */
export interface EncoderBuild {
  readonly graph: GraphBuilder
  readonly config: EncoderConfig
  readonly tensors: TensorSource
  readonly weights: WeightFormat
}

/** One post-norm layer over [1, T, hidden], every token over all others. */
export function encoderLayer(build: EncoderBuild, prefix: string, hidden: string): string {
  const { graph, config } = build
  const { hiddenSize, intermediateSize } = config
  const attended = dense(build, attention(build, prefix, hidden), `${prefix}.attention.output.dense`, {
    rows: hiddenSize,
    columns: hiddenSize,
  })
  const middle = layerNorm(build, graph.node('Add', [attended, hidden]), `${prefix}.attention.output.LayerNorm`)
  const wide = dense(build, middle, `${prefix}.intermediate.dense`, { rows: intermediateSize, columns: hiddenSize })
  const narrow = dense(build, activation(build, wide), `${prefix}.output.dense`, {
    rows: hiddenSize,
    columns: intermediateSize,
  })
  return layerNorm(build, graph.node('Add', [narrow, middle]), `${prefix}.output.LayerNorm`)
}

export function layerNorm({ graph, config, tensors }: EncoderBuild, x: string, name: string): string {
  const [weight, bias] = ['weight', 'bias'].map((part) =>
    graph.weight(`${name}.${part}`, tensors.read(`${name}.${part}`, [config.hiddenSize]), [config.hiddenSize]),
  ) as [string, string]
  return graph.node('LayerNormalization', [x, weight, bias], { attributes: { axis: -1, epsilon: config.layerNormEps } })
}

/** x W^T + b of the named module, in the build's weight format unless another is given. */
export function dense(
  build: EncoderBuild,
  x: string,
  name: string,
  size: { readonly rows: number; readonly columns: number },
  format: WeightFormat = build.weights,
): string {
  const { graph, tensors } = build
  const values = tensors.read(`${name}.weight`, [size.rows, size.columns])
  const bias = graph.weight(`${name}.bias`, tensors.read(`${name}.bias`, [size.rows]), [size.rows])
  return graph.node('Add', [linear(graph, format, x, name, { values, ...size }), bias])
}

function attention(build: EncoderBuild, prefix: string, hidden: string): string {
  const { graph, config } = build
  const { hiddenSize, headCount } = config
  const headSize = hiddenSize / headCount
  const factor = 1 / Math.sqrt(headSize)
  const packed = graph.node('Add', [
    linear(graph, build.weights, hidden, `${prefix}.qkv`, packedHeads(build, prefix, 'weight', hiddenSize, factor)),
    graph.weight(`${prefix}.qkv.bias`, packedHeads(build, prefix, 'bias', 1, factor).values, [3 * hiddenSize]),
  ])
  const [q, k, v] = graph.nodes('Split', [packed, graph.ints(hiddenSize, hiddenSize, hiddenSize)], {
    outputs: 3,
    attributes: { axis: -1 },
  }) as [string, string, string]
  const heads = (x: string, perm: number[]) =>
    graph.node('Transpose', [graph.node('Reshape', [x, graph.ints(-1, headCount, headSize)])], { attributes: { perm } })
  const scores = graph.node('MatMul', [heads(q, [1, 0, 2]), heads(k, [1, 2, 0])])
  const weights = graph.node('Softmax', [scores], { attributes: { axis: -1 } })
  const outputs = graph.node('MatMul', [weights, heads(v, [1, 0, 2])])
  const byToken = graph.node('Transpose', [outputs], { attributes: { perm: [1, 0, 2] } })
  return graph.node('Reshape', [byToken, graph.ints(1, -1, hiddenSize)])
}

/** Query, key and value as one matrix (or one bias), the query scaled. */
function packedHeads(
  { tensors, config }: EncoderBuild,
  prefix: string,
  part: 'weight' | 'bias',
  columns: number,
  factor: number,
): Matrix {
  const rows = config.hiddenSize
  const shape = part === 'weight' ? [rows, columns] : [rows]
  const parts = ['query', 'key', 'value'].map((name) => {
    const values = tensors.read(`${prefix}.attention.self.${name}.${part}`, shape)
    return { values: name === 'query' ? values.map((value) => value * factor) : values, rows, columns }
  })
  return stackRows(parts)
}

function activation({ graph, config }: EncoderBuild, x: string): string {
  if (config.activation === 'relu') return graph.node('Relu', [x])
  return graph.node(config.activation === 'gelu' ? 'Gelu' : 'FastGelu', [x], { domain: 'com.microsoft' })
}
