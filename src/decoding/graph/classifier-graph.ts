import type { DecoderHead } from '../checkpoint/classifier-head.ts'
import { type DecoderSource, normedResidual, type Residual, readMatrix, type TrunkBuild } from './decoder-build.ts'
import { embed, ropeTables } from './decoder-graph.ts'
import { feedForward, outputProjection, projectHeads, splitLast } from './decoder-layer.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { linear } from './linear.ts'

/** Raise it whenever the graph of a classifier, decoder or encoder, changes. */
export const classifierVersion = 2

export interface ClassifierSource extends DecoderSource {
  readonly head: DecoderHead
  readonly labelCount: number
}

/**
 * Writes the graph of one whole text [1, T]: the head's numbers at every token, `logits` [T, labels]; a preference head's
 * with a prompt head have that head's behind them. Layers are the decoder's own; attention is over the text alone, so
 * that its scores take heads * T * T floats.
 */
export function writeClassifier(graph: GraphBuilder, source: ClassifierSource): void {
  const { config, contextLength } = source
  const ids = graph.input('input_ids', 'int32', [1, 'T'])
  const positions = graph.input('position_ids', 'int64', [1, 'T'])
  const build: TrunkBuild = {
    ...source,
    graph,
    lora: undefined,
    rope: { positions, ...ropeTables(graph, config, contextLength) },
  }
  const mask = causalMask(graph, positions)
  let residual: Residual = { sum: embed(build, ids), addend: undefined }
  for (let layer = 0; layer < config.layerCount; layer++) {
    const { sum, attended } = fullAttention(build, layer, residual, mask)
    residual = feedForward(build, layer, { sum, addend: outputProjection(build, layer, attended) })
  }
  const { normed } = normedResidual(build, residual, 'model.norm.weight')
  writeHead(build, source, normed)
}

/** [T, T]: 0 where a row's token sees a column's, else -Infinity. */
function causalMask(graph: GraphBuilder, positions: string): string {
  const rows = graph.node('Reshape', [positions, graph.ints(-1, 1)])
  const seen = graph.node('GreaterOrEqual', [rows, positions])
  return graph.node('Where', [seen, graph.scalar(0), graph.scalar(Number.NEGATIVE_INFINITY)])
}

/** The residual's sum, and what every token takes from itself and those before it: [1, T, heads * headSize]. */
function fullAttention(build: TrunkBuild, layer: number, residual: Residual, mask: string) {
  const { graph, config } = build
  const { headCount, kvHeadCount, headSize } = config
  const { sum, heads, newValues } = projectHeads(build, layer, residual)
  const [q, k] = splitLast(graph, heads, [headCount * headSize, kvHeadCount * headSize])
  const split = graph.node('Reshape', [q, graph.ints(-1, kvHeadCount, headCount / kvHeadCount, headSize)])
  const queries = graph.node('Transpose', [split], { attributes: { perm: [1, 2, 0, 3] } })
  // [kvHeads, 1, ..]: one key-value head for all heads of its group
  const perHead = graph.node('Reshape', [k, graph.ints(-1, kvHeadCount, 1, headSize)])
  const keys = graph.node('Transpose', [perHead], { attributes: { perm: [1, 2, 3, 0] } })
  const values = graph.node('Reshape', [newValues, graph.ints(kvHeadCount, 1, -1, headSize)])
  const scores = graph.node('MatMul', [queries, keys])
  const weights = graph.node('Softmax', [graph.node('Add', [scores, mask])], { attributes: { axis: -1 } })
  const outputs = graph.node('MatMul', [weights, values])
  const byToken = graph.node('Transpose', [outputs], { attributes: { perm: [2, 0, 1, 3] } })
  return { sum, attended: graph.node('Reshape', [byToken, graph.ints(1, -1, headCount * headSize)]) }
}

/** In fp32 whatever the trunk's format: it is small, and decides the score directly. */
function writeHead(build: TrunkBuild, { head, labelCount }: ClassifierSource, hidden: string): void {
  const { graph, config } = build
  const { hiddenSize } = config
  const product = (x: string, name: string, rows: number) =>
    linear(graph, 'fp32', x, name, readMatrix(build, name, rows, hiddenSize))
  const biased = (x: string, name: string, size: number) =>
    graph.node('Add', [x, graph.weight(name, build.tensors.read(name, [size]), [size])])
  let input = hidden
  if (head.kind === 'everywhere' && head.hidden !== undefined) {
    const wide = product(hidden, `${head.hidden}.weight`, hiddenSize)
    input = graph.node('Relu', [biased(wide, `${head.hidden}.bias`, hiddenSize)])
  }
  let output = product(input, head.weight, labelCount)
  let columns = labelCount
  if (head.kind === 'everywhere' && head.bias !== undefined) output = biased(output, head.bias, labelCount)
  if (head.kind === 'preference' && head.promptWeight !== undefined) {
    const prompt = product(hidden, head.promptWeight, labelCount / 2)
    output = graph.node('Concat', [output, prompt], { attributes: { axis: 2 } })
    columns += labelCount / 2
  }
  graph.node('Reshape', [output, graph.ints(-1, columns)], { name: 'logits' })
  graph.output('logits', 'float32', ['T', columns])
}
