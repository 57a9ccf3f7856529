import { defaultSpeculation } from '../speculation.ts'
import { bestShape, type RoundCost, type RoundShape } from './block-length.ts'
import type { DraftRates } from './draft-rates.ts'
import type { RoundPlan } from './speculative-round.ts'
import type { UpstreamSequence } from './upstream-sequence.ts'

/** Of so many rounds one has a draft of another length and one a draft more, from which the costs of a round can be told apart. */
const probeEvery = 16
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
  const counts = drafts !== undefined ? [drafts] : single ? [1] : draftCounts
  const best = bestShape(known.rates, known.cost, counts)
  const shape = block === undefined ? probed(best, counts, calls % probeEvery) : { ...best, length: block }
  return { ...shape, length: Math.min(shape.length, mostTokens) }
}

function probed(best: RoundShape, counts: readonly number[], turn: number): RoundShape {
  if (turn === 1) return { length: best.length === 1 ? 2 : best.length / 2, drafts: counts[0]! }
  if (turn === 1 + probeEvery / 2)
    return { length: best.length, drafts: counts.find((drafts) => drafts !== best.drafts) ?? best.drafts }
  return best
}
