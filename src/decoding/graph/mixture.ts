import type { GraphBuilder } from './graph-builder.ts'

/** How many of the most likely tokens the graph picks out itself. */
export const topCount = 64

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
