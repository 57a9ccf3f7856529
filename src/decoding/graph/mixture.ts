import { headCount } from '../top-logits.ts'
import type { GraphBuilder } from './graph-builder.ts'

/**
 * The sums that sequences are drawn from, and the most likely tokens of each: row r of `mix` and `guide_mix` holds the
 * coefficients (over temperature) of one sequence's contexts, base rows and other models' logits.
 */
export function writeMixture(graph: GraphBuilder, logits: string, vocabSize: number): void {
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
  const count = Math.min(headCount, vocabSize)
  const [top, ids] = graph.nodes('TopK', [logprobs, graph.ints(count)], {
    outputs: 2,
    name: 'top_logprobs',
    attributes: { axis: -1, largest: 1, sorted: 1 },
  }) as [string, string]
  graph.node('Cast', [ids], { name: 'top_ids', attributes: { to: 6 } })
  graph.output('top_logprobs', 'float32', ['wanted', count])
  graph.output('top_ids', 'int32', ['wanted', count])
  if (vocabSize > count) writeTail(graph, { logprobs, top, ids }, vocabSize)
}

/** Tokens per chunk of the vocabulary in which a draw beyond the most likely tokens is looked for. */
export const tailChunk = 64

/**
 * Where a uniform number falls that the most likely tokens leave over: the cumulative mass of all other tokens, in the order
 * of their ids, is summed by chunks, and the one chunk that holds `draws` is returned, with the mass before it. A flat law is
 * so drawn from exactly without its row leaving the graph.
 */
function writeTail(graph: GraphBuilder, head: { logprobs: string; top: string; ids: string }, vocabSize: number): void {
  const draws = graph.input('draws', 'float32', ['wanted', 1])
  const chunks = Math.ceil(vocabSize / tailChunk)
  const zeros = graph.node('Expand', [graph.scalar(0), graph.node('Shape', [head.ids])])
  const rest = graph.node('ScatterElements', [graph.node('Exp', [head.logprobs]), head.ids, zeros], {
    attributes: { axis: 1 },
  })
  const padding = graph.ints(0, 0, 0, chunks * tailChunk - vocabSize)
  const whole = vocabSize % tailChunk === 0 ? rest : graph.node('Pad', [rest, padding])
  const byChunk = graph.node('Reshape', [whole, graph.ints(-1, chunks, tailChunk)])
  const sum = (of: string, axis: number, keep: number) =>
    graph.node('ReduceSum', [of, graph.ints(axis)], { attributes: { keepdims: keep } })
  const masses = sum(byChunk, 2, 0)
  const ends = graph.node('CumSum', [masses, graph.ints(1)])
  const target = graph.node('Sub', [draws, sum(graph.node('Exp', [head.top]), 1, 1)])
  const passed = graph.node('Cast', [graph.node('LessOrEqual', [ends, target])], { attributes: { to: 7 } })
  const chunk = graph.node('Min', [sum(passed, 1, 1), graph.ints(chunks - 1)])
  graph.node('Cast', [chunk], { name: 'tail_chunk', attributes: { to: 6 } })
  graph.node('GatherND', [byChunk, chunk], { name: 'tail_probs', attributes: { batch_dims: 1 } })
  const starts = graph.node('Sub', [ends, masses])
  graph.node('GatherElements', [starts, chunk], { name: 'tail_before', attributes: { axis: 1 } })
  graph.output('tail_chunk', 'int32', ['wanted', 1])
  graph.output('tail_probs', 'float32', ['wanted', tailChunk])
  graph.output('tail_before', 'float32', ['wanted', 1])
}
