import { headCount } from '../top-logits.ts'
import type { GraphBuilder } from './graph-builder.ts'

/**
 * The sums that sequences are drawn from, and the most likely tokens of each. The output matrix is linear, so the rows' hidden
 * states are summed before it, and a sequence costs one row of it however many contexts it has.
 *
 * @param hidden [rows, hiddenSize]: the contexts' last states, normed
 * @param output the output matrix: [n, hiddenSize] to [n, vocabSize]
 */
export function writeMixture(
  graph: GraphBuilder,
  hidden: string,
  vocabSize: number,
  output: (hidden: string) => string,
): void {
  // one row of coefficients for each sum that is wanted
  const mix = graph.input('mix', 'float32', ['R', 'rows'])
  const wanted = graph.input('mix_rows', 'int64', [1])
  const drawn = graph.input('drawn_rows', 'int64', [1])
  const sums = graph.node('MatMul', [mix, hidden])
  // R is at least 2, because one-row products are summed in another order; the padding row goes here
  const logits = output(firstRows(graph, sums, wanted))
  graph.node('Reshape', [logits, graph.ints(-1, vocabSize)], { name: 'logits' })
  graph.output('logits', 'float32', ['wanted', vocabSize])
  const mixed = graph.node('Add', [firstRows(graph, logits, drawn), guideSums(graph, vocabSize)], { name: 'mixed' })
  graph.output(mixed, 'float32', ['drawn', vocabSize])
  writeLaw(graph, mixed, vocabSize)
}

const firstRows = (graph: GraphBuilder, x: string, count: string): string =>
  graph.node('Slice', [x, graph.ints(0), count, graph.ints(0)])

/** What other models' logits add to each sum that is drawn from; one row of zeros for all where there are none. */
function guideSums(graph: GraphBuilder, vocabSize: number): string {
  const guideMix = graph.input('guide_mix', 'float32', ['G', 'E'])
  const guideLogits = graph.input('guide_logits', 'float32', ['E', vocabSize])
  const rows = graph.input('guide_sums', 'int64', [1])
  return firstRows(graph, graph.node('MatMul', [guideMix, guideLogits]), rows)
}

/**
 * The most likely tokens with their logits and probabilities, and where among the others a draw falls. No logarithm is taken
 * here: ONNX Runtime's takes numbers in packs and the rest one by one, which gives other bits in other batches.
 */
function writeLaw(graph: GraphBuilder, mixed: string, vocabSize: number): void {
  const count = Math.min(headCount, vocabSize)
  // zero where nothing is drawn: ONNX Runtime's TopK of no rows divides by their number
  const wanted = graph.input('top_count', 'int64', [1])
  const [, ids] = graph.nodes('TopK', [mixed, wanted], {
    outputs: 2,
    name: 'top_logits',
    attributes: { axis: -1, largest: 1, sorted: 1 },
  }) as [string, string]
  graph.node('Cast', [ids], { name: 'top_ids', attributes: { to: 6 } })
  const probs = graph.node('Softmax', [mixed], { attributes: { axis: -1 } })
  const topProbs = graph.node('GatherElements', [probs, ids], { name: 'top_probs', attributes: { axis: 1 } })
  graph.output('top_logits', 'float32', ['drawn', count])
  graph.output('top_probs', 'float32', ['drawn', count])
  graph.output('top_ids', 'int32', ['drawn', count])
  if (vocabSize > count) writeTail(graph, { probs, topProbs, ids }, vocabSize)
}

/** Tokens per chunk of the vocabulary in which a draw beyond the most likely tokens is looked for. */
export const tailChunk = 64

/**
 * Where a uniform number falls that the most likely tokens leave over: the cumulative mass of all other tokens, in the order
 * of their ids, is summed by chunks, and the one chunk that holds `draws` is returned, with the mass before it. A flat law is
 * so drawn from exactly without its row leaving the graph.
 */
function writeTail(
  graph: GraphBuilder,
  law: { probs: string; topProbs: string; ids: string },
  vocabSize: number,
): void {
  const draws = graph.input('draws', 'float32', ['drawn', 1])
  const chunks = Math.ceil(vocabSize / tailChunk)
  const zeros = graph.node('Expand', [graph.scalar(0), graph.node('Shape', [law.ids])])
  const rest = graph.node('ScatterElements', [law.probs, law.ids, zeros], { attributes: { axis: 1 } })
  const padding = graph.ints(0, 0, 0, chunks * tailChunk - vocabSize)
  const whole = vocabSize % tailChunk === 0 ? rest : graph.node('Pad', [rest, padding])
  const byChunk = graph.node('Reshape', [whole, graph.ints(-1, chunks, tailChunk)])
  const sum = (of: string, axis: number, keep: number) =>
    graph.node('ReduceSum', [of, graph.ints(axis)], { attributes: { keepdims: keep } })
  const masses = sum(byChunk, 2, 0)
  const ends = graph.node('CumSum', [masses, graph.ints(1)])
  const target = graph.node('Sub', [draws, sum(law.topProbs, 1, 1)])
  const passed = graph.node('Cast', [graph.node('LessOrEqual', [ends, target])], { attributes: { to: 7 } })
  const chunk = graph.node('Min', [sum(passed, 1, 1), graph.ints(chunks - 1)])
  graph.node('Cast', [chunk], { name: 'tail_chunk', attributes: { to: 6 } })
  graph.node('GatherND', [byChunk, chunk], { name: 'tail_probs', attributes: { batch_dims: 1 } })
  const starts = graph.node('Sub', [ends, masses])
  graph.node('GatherElements', [starts, chunk], { name: 'tail_before', attributes: { axis: 1 } })
  graph.output('tail_chunk', 'int32', ['drawn', 1])
  graph.output('tail_probs', 'float32', ['drawn', tailChunk])
  graph.output('tail_before', 'float32', ['drawn', 1])
}
