import type { TokenAlternative, TokenDraw } from './decoder.ts'
import type { SamplingParams } from './sampling-params.ts'
import type { TopLogits } from './top-logits.ts'

/** A drawn token without the readings of the single contexts, which only the engine has. */
export type Draw = Pick<TokenDraw, 'id' | 'logprob' | 'top'>

/**
 * The same law and the same token from the most likely tokens alone, or undefined when they do not decide: `u` lies beyond
 * their mass, a filter's set or the alternatives asked for reach past them, or a value is not finite (the whole row then says
 * whether it is broken or a small temperature overflowed).
 * @param top already divided by the temperature (by 1 at temperature 0)
 * @param u uniform in [0, 1)
 */
export function drawFromTop(top: TopLogits, vocabSize: number, params: SamplingParams, u: number): Draw | undefined {
  const head = descending(top)
  const complete = head.ids.length >= vocabSize
  if (!Number.isFinite(head.values[0]) || !Number.isFinite(head.logSumExp)) return undefined
  const kept = params.temperature === 0 ? wholeVocabulary(head) : keptHead(head, complete, params)
  if (kept === undefined) return undefined
  const reported = params.topLogprobs ?? 0
  if (reported > head.ids.length && kept.count > head.ids.length && !complete) return undefined
  const index = params.temperature === 0 ? 0 : indexAt(head, kept, u, complete)
  if (index === undefined) return undefined
  return {
    id: head.ids[index]!,
    logprob: head.values[index]! - kept.logMass,
    top: reportedTop(head, kept, params),
  }
}

/** What the filters leave: the `count` most likely tokens (Infinity: all of the vocabulary) and the log of their summed exp. */
export interface Kept {
  readonly count: number
  readonly logMass: number
}

export function wholeVocabulary(head: TopLogits): Kept {
  return { count: Number.POSITIVE_INFINITY, logMass: head.logSumExp }
}

/** Every filter keeps a head of the descending order, so together they keep the shortest of their heads. */
export function keptHead(head: TopLogits, complete: boolean, params: SamplingParams): Kept | undefined {
  const { topK, topP, minP } = params
  if (topK === undefined && topP >= 1 && minP <= 0) return wholeVocabulary(head)
  const available = head.ids.length
  if (topK !== undefined && topK > available && !complete) return undefined
  const limit = Math.min(topK ?? available, available)
  const max = head.values[0]!
  const nucleus =
    topP < 1 ? topP * (topK === undefined ? Math.exp(head.logSumExp - max) : massOf(head, limit)) : undefined
  let count = 0
  let mass = 0
  while (count < limit) {
    const weight = Math.exp(head.values[count]! - max)
    if (count > 0 && weight < minP) return { count, logMass: max + Math.log(mass) }
    mass += weight
    count++
    if (nucleus !== undefined && mass >= nucleus) return { count, logMass: max + Math.log(mass) }
  }
  // Neither top_p nor min_p has closed the set within the limit: only top_k or the end of the vocabulary can.
  return topK !== undefined || complete ? { count, logMass: max + Math.log(mass) } : undefined
}

function massOf(head: TopLogits, count: number): number {
  let mass = 0
  for (let i = 0; i < count; i++) mass += Math.exp(head.values[i]! - head.values[0]!)
  return mass
}

/** Walks the cumulative distribution until `u` is spent. */
function indexAt(head: TopLogits, kept: Kept, u: number, complete: boolean): number | undefined {
  const max = head.values[0]!
  const limit = Math.min(kept.count, head.ids.length)
  const target = u * Math.exp(kept.logMass - max)
  let cumulative = 0
  let lastPossible = 0
  for (let i = 0; i < limit; i++) {
    const weight = Math.exp(head.values[i]! - max)
    if (weight > 0) lastPossible = i
    cumulative += weight
    if (cumulative > target) return i
  }
  // Rounding can leave a sliver of the mass behind the last token; it is that token's.
  return complete || kept.count <= limit ? lastPossible : undefined
}

/** The alternatives that the request wants to see, if any. */
export const reportedTop = (head: TopLogits, kept: Kept, params: SamplingParams): TokenAlternative[] | undefined =>
  params.topLogprobs === undefined ? undefined : alternatives(head, kept, params.topLogprobs)

function alternatives(head: TopLogits, kept: Kept, reported: number): TokenAlternative[] {
  const found: TokenAlternative[] = []
  for (let i = 0; i < Math.min(reported, kept.count, head.ids.length); i++) {
    if (head.values[i]! === Number.NEGATIVE_INFINITY) break
    found.push({ id: head.ids[i]!, logprob: head.values[i]! - kept.logMass })
  }
  return found
}

function descending(top: TopLogits): TopLogits {
  const { ids, values } = top
  let sorted = true
  for (let i = 1; i < ids.length && sorted; i++) {
    sorted = values[i - 1]! > values[i]! || (values[i - 1]! === values[i]! && ids[i - 1]! < ids[i]!)
  }
  if (sorted) return top
  const order = Array.from(ids.keys()).sort((a, b) => values[b]! - values[a]! || ids[a]! - ids[b]!)
  return {
    ids: Int32Array.from(order, (i) => ids[i]!),
    values: Float64Array.from(order, (i) => values[i]!),
    logSumExp: top.logSumExp,
  }
}
