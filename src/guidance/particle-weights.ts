import type { SequenceRequest, TokenDraw } from '../decoding/decoder.ts'
import { fkdPotential, noRewards, potential, type RewardHistory } from './potentials.ts'
import type { ParticleOptions } from './whole-answer-options.ts'

/** A particle's standing; the answer itself lives beside it. */
export interface ParticleWeight {
  /** log of its weight since the last resampling. */
  readonly logWeight: number
  readonly history: RewardHistory
  /** Reward at the last checkpoint. */
  readonly reward: number
  /** Whether the potential of its finished answer was already taken: it stays in the population with potential 1. */
  readonly absorbed: boolean
  /** How many of its draws the proposal's correction covers. */
  readonly corrected: number
}

export const freshWeight: ParticleWeight = {
  logWeight: 0,
  history: noRewards,
  reward: 0,
  absorbed: false,
  corrected: 0,
}

/** The weight after a checkpoint at which the particle had `reward`; `logRatio` corrects for the proposal. */
export function reweigh(
  weight: ParticleWeight,
  reward: number,
  terminal: boolean,
  logRatio: number,
  options: ParticleOptions,
): ParticleWeight {
  if (options.compat === 'its_hub') return { ...weight, logWeight: logOdds(reward), reward, absorbed: terminal }
  const of = options.compat === 'fkd' ? fkdPotential : potential
  const { logG, history } = of(options.potential, options.lambda, reward, weight.history, terminal)
  // a weight of 0 stays 0, whatever comes after it
  const logWeight =
    weight.logWeight === Number.NEGATIVE_INFINITY ? weight.logWeight : weight.logWeight + logRatio + logG
  return { ...weight, logWeight, history, reward, absorbed: terminal }
}

/** its_hub's weight of a score in (0, 1): its log-odds, replacing what came before (arXiv 2502.01618). */
function logOdds(score: number): number {
  const p = Math.min(1 - 1e-7, Math.max(1e-7, score))
  return Math.log(p) - Math.log1p(-p)
}

/**
 * log Z of each draw, summed: the normaliser of base * product of guide^weight at the tokens it was drawn at. With the guided law as
 * proposal it is the incremental weight towards the global target (arXiv 2404.17546).
 * @param draws of a request at temperature 1 without filters or penalties, traced
 */
export function logNormalisers(draws: readonly TokenDraw[], request: SequenceRequest): number {
  return draws.reduce((total, draw) => {
    const { termLogprobs } = draw
    if (termLogprobs === undefined) throw new Error(`Token ${draw.id} was drawn without trace.`)
    // a term of coefficient 0 counts for nothing, not even where it forbids the token
    const tilted = request.terms.reduce(
      (sum, { coefficient }, k) => (coefficient === 0 ? sum : sum + coefficient * termLogprobs[k]!),
      0,
    )
    return total + tilted - draw.logprob
  }, 0)
}
