import { type Draw, drawFromTop, reportedTop, wholeVocabulary } from './head-draw.ts'
import { InvalidLogitsError, type LogitRow } from './mix.ts'
import type { SamplingParams } from './sampling-params.ts'
import { drawFromTail, drawsFromTail } from './tail-draw.ts'
import {
  headCount,
  type SelectionScratch,
  selectTop,
  type TemperedRow,
  type TopLogits,
  temperRow,
} from './top-logits.ts'

/**
 * Draws from a whole row: temperature, then top_k, top_p, min_p (each renormalised, as in transformers), then the inverse of
 * the cumulative distribution at `u`, tokens taken from the most to the least likely, lowest id first on ties; without
 * filters only the 64 most likely are so ordered, and the others follow by their ids.
 *
 * Temperature 0 takes the most likely token, lowest id on ties; its logprob and alternatives are those at temperature 1
 * without filters.
 * @param logits untempered, after mixing and penalties
 * @param u uniform in [0, 1)
 * @throws InvalidLogitsError for NaN, +Infinity, nothing but -Infinity, or a temperature too small to divide by
 */
export function drawFromLogits(logits: LogitRow, params: SamplingParams, u: number, scratch: SelectionScratch): Draw {
  const row = temperRow(logits, params.temperature === 0 ? 1 : params.temperature)
  const wanted = Math.max(headCount, params.topK ?? 0, params.topLogprobs ?? 0)
  if (wanted === headCount && drawsFromTail(params)) return drawUnfiltered(row, params, u, scratch)
  for (let atLeast = wanted; ; atLeast *= 16) {
    const draw = drawFromTop(selectTop(row, atLeast, scratch), logits.length, params, u)
    if (draw !== undefined) return draw
    // The whole vocabulary always decides, unless the row has no finite sum.
    if (atLeast >= logits.length) throw new InvalidLogitsError(undefined, row.logSumExp)
  }
}

function drawUnfiltered(row: TemperedRow, params: SamplingParams, u: number, scratch: SelectionScratch): Draw {
  const most = selectTop(row, headCount, scratch)
  const head = { ...most, ids: most.ids.subarray(0, headCount), values: most.values.subarray(0, headCount) }
  const draw = drawFromTop(head, row.logits.length, params, u) ?? drawRest(row, head, params, u)
  if (draw === undefined) throw new InvalidLogitsError(undefined, row.logSumExp)
  return draw
}

function drawRest(row: TemperedRow, head: TopLogits, params: SamplingParams, u: number): Draw | undefined {
  const probs = Float64Array.from(row.logits, (logit) => Math.exp((logit - row.max) / row.temperature - row.logSumExp))
  let headMass = 0
  for (const id of head.ids) {
    headMass += probs[id]!
    probs[id] = 0
  }
  const rest = drawFromTail({ firstId: 0, probs, before: 0 }, headMass, u)
  return rest && { ...rest, top: reportedTop(head, wholeVocabulary(head), params) }
}
