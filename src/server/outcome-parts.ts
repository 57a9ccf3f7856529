import type {
  BestOfReport,
  CandidateReport,
  ChoiceOutcome,
  ParticlesReport,
  SearchReport,
} from '../guidance/strategy.ts'

/** House -> wire for how answers were chosen: for one choice its own fields, for several a list per choice. Infinities become null. */
export function toWireOutcomes(outcomes: readonly (ChoiceOutcome | undefined)[] = []) {
  if (outcomes.every((outcome) => outcome === undefined)) return {}
  const [first] = outcomes
  if (outcomes.length === 1) return toWireOutcome(first)
  return { choices: outcomes.map((outcome, index) => ({ index, ...toWireOutcome(outcome) })) }
}

function toWireOutcome(outcome: ChoiceOutcome | undefined) {
  if (outcome === undefined) return {}
  const { degraded, reward, candidates, bestOf, particles, search } = outcome
  return {
    ...(degraded === undefined ? {} : { degraded }),
    ...(reward === undefined ? {} : { reward }),
    ...(candidates === undefined ? {} : { candidates: candidates.map(toWireCandidate) }),
    ...(bestOf === undefined ? {} : { best_of: toWireBestOf(bestOf) }),
    ...(particles === undefined ? {} : { particles: toWireParticles(particles) }),
    ...(search === undefined ? {} : { search: toWireSearch(search) }),
  }
}

function toWireCandidate({ text, score, finishReason, tokens, prunedAt, vote, chosen }: CandidateReport) {
  return {
    text,
    ...(score === undefined ? {} : { score }),
    finish_reason: finishReason ?? null,
    tokens,
    ...(prunedAt === undefined ? {} : { pruned_at: prunedAt }),
    ...(vote === undefined ? {} : { answer: vote }),
    chosen,
  }
}

const toWireBestOf = ({ n, klEstimate, klBound, winRateBound }: BestOfReport) => ({
  n,
  kl_estimate: klEstimate,
  kl_bound: klBound,
  win_rate_bound: winRateBound,
})

const toWireParticles = ({ n, logZ, collapsed, steps }: ParticlesReport) => ({
  n,
  ...(logZ === undefined ? {} : { log_z: logZ }),
  collapsed,
  steps: steps.map(({ tokens, effectiveSampleSize, resampled, rewards, ancestors }) => {
    return { tokens, ess: effectiveSampleSize, resampled, ...(rewards === undefined ? {} : { rewards }), ancestors }
  }),
})

const toWireSearch = ({ method, budget, drawn, nodes }: SearchReport) => ({
  method,
  drawn,
  ...(budget === undefined ? {} : { budget }),
  nodes,
})
