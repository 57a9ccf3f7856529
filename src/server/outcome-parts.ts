import type {
  BestOfReport,
  CandidateReport,
  CheckpointReport,
  ChoiceOutcome,
  ParticlesReport,
  SearchReport,
} from '../guidance/strategy.ts'

/**
 * House -> wire for how answers were chosen: for one choice its own fields, for several a list per choice. Infinities become null.
 * @param traced whether to show what particles wrote
 */
export function toWireOutcomes(outcomes: readonly (ChoiceOutcome | undefined)[] = [], traced = false) {
  if (outcomes.every((outcome) => outcome === undefined)) return {}
  const [first] = outcomes
  if (outcomes.length === 1) return toWireOutcome(first, traced)
  return { choices: outcomes.map((outcome, index) => ({ index, ...toWireOutcome(outcome, traced) })) }
}

function toWireOutcome(outcome: ChoiceOutcome | undefined, traced: boolean) {
  if (outcome === undefined) return {}
  const { degraded, reward, candidates, bestOf, particles, search } = outcome
  return {
    ...(degraded === undefined ? {} : { degraded }),
    ...(reward === undefined ? {} : { reward }),
    ...(candidates === undefined ? {} : { candidates: candidates.map(toWireCandidate) }),
    ...(bestOf === undefined ? {} : { best_of: toWireBestOf(bestOf) }),
    ...(particles === undefined ? {} : { particles: toWireParticles(particles, traced) }),
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

const toWireParticles = ({ n, logZ, collapsed, chosen, steps }: ParticlesReport, traced: boolean) => ({
  n,
  ...(logZ === undefined ? {} : { log_z: logZ }),
  collapsed,
  chosen,
  steps: steps.map((step) => toWireCheckpoint(step, traced)),
})

function toWireCheckpoint(step: CheckpointReport, traced: boolean) {
  const { tokens, effectiveSampleSize, resampled, rewards, ancestors, texts } = step
  return {
    tokens,
    ess: effectiveSampleSize,
    resampled,
    ...(rewards === undefined ? {} : { rewards }),
    ancestors,
    ...(traced && texts !== undefined ? { texts } : {}),
  }
}

const toWireSearch = ({ method, budget, drawn, nodes }: SearchReport) => ({
  method,
  drawn,
  ...(budget === undefined ? {} : { budget }),
  nodes,
})
