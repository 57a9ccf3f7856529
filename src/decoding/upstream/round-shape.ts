import { defaultSpeculation } from '../speculation.ts'
import { bestShape, type RoundCost, type RoundShape } from './block-length.ts'
import type { DraftRates } from './draft-rates.ts'
import type { RoundPlan } from './speculative-round.ts'
import type { UpstreamSequence } from './upstream-sequence.ts'

/** Every so many rounds one is drafted once only, so that the cost of that stays known. */
const soloEvery = 8
const draftCounts = [1, 2, 4] as const

/**
 * What the next round drafts: what the request fixes, the rest adapted to acceptance and measured times. A request that fixes
 * the block's length gets one draft unless it says otherwise, so that its answer does not depend on the clock. The shape is chosen
 * from rounds that are over, so it leaves the law of the next one as it is.
 */
export function roundShape(
  { engine, sampling }: RoundPlan,
  { request, calls }: UpstreamSequence,
  known: { readonly rates: DraftRates; readonly cost: RoundCost },
  mostTokens: number,
): RoundShape {
  const { block, drafts } = request.speculation ?? defaultSpeculation
  // the most likely token needs no second opinion, and engines without `n` would be called once for each draft
  const single = block !== undefined || sampling.temperature === 0 || !engine.abilities.several
  const solo = single || calls % soloEvery === soloEvery - 1
  const best = bestShape(known.rates, known.cost, drafts !== undefined ? [drafts] : solo ? [1] : draftCounts)
  return { length: Math.min(block ?? best.length, mostTokens), drafts: best.drafts }
}
