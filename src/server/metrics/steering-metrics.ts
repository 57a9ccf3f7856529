import { Counter, Histogram, type Registry } from 'prom-client'
import type { CheckpointReport, ChoiceOutcome } from '../../guidance/strategy.ts'
import type { AlignmentReport, SpeculationReport } from '../engine-messages.ts'

/** What steering came to, out of the reports that replies carry. */
export class SteeringMetrics {
  readonly #aligned: Counter<'method'>
  readonly #checkpoints: Counter
  readonly #resamplings: Counter
  readonly #collapses: Counter
  readonly #essRatio: Histogram
  readonly #pruned: Counter
  readonly #drafts: Counter<'result'>
  readonly #rounds: Counter
  readonly #truncation: Histogram
  readonly #degraded: Counter

  constructor(registers: Registry[]) {
    const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
      new Counter({ name: `trimtab_${name}`, help, labelNames, registers })
    const histogram = (name: string, help: string, buckets: number[]) =>
      new Histogram({ name: `trimtab_${name}`, help, buckets, registers })
    this.#aligned = counter('aligned_requests_total', 'Answered requests with `alignment`, by method.', ['method'])
    this.#checkpoints = counter('particle_checkpoints_total', 'Checkpoints at which particles were judged.')
    this.#resamplings = counter('particle_resamplings_total', 'Checkpoints after which particles were resampled.')
    this.#collapses = counter('particle_collapses_total', 'Populations in which every particle lost all weight.')
    this.#essRatio = histogram(
      'ess_ratio',
      'Effective sample size by the number of particles, at every checkpoint.',
      [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
    )
    this.#pruned = counter('pruned_candidates_total', 'Candidates of best-of that were dropped unfinished.')
    this.#drafts = counter(
      'draft_tokens_total',
      'Drafted tokens over upstreams: accepted, rejected (counted once for a position whose drafts all were), unread (all others).',
      ['result'],
    )
    for (const result of ['accepted', 'rejected', 'unread']) this.#drafts.inc({ result }, 0)
    this.#rounds = counter('draft_rounds_total', 'Rounds of drafting and verifying over upstreams.')
    this.#truncation = histogram(
      'truncation_bound',
      'Bound on the total variation that truncation can have cost an answer over an upstream.',
      [0, 0.001, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    )
    this.#degraded = counter('degraded_answers_total', 'Answers that went on unsteered because a reward failed.')
  }

  count({ method, speculation, outcomes = [] }: AlignmentReport): void {
    this.#aligned.inc({ method })
    if (speculation !== undefined) this.#countDrafts(speculation)
    for (const outcome of outcomes) if (outcome !== undefined) this.#countOutcome(outcome)
  }

  #countDrafts({ rounds, drafted, examined, accepted, truncationSum }: SpeculationReport): void {
    this.#rounds.inc(rounds)
    this.#drafts.inc({ result: 'accepted' }, accepted)
    this.#drafts.inc({ result: 'rejected' }, examined - accepted)
    this.#drafts.inc({ result: 'unread' }, Math.max(0, drafted - examined))
    this.#truncation.observe(Math.min(1, truncationSum))
  }

  #countOutcome({ degraded, candidates = [], particles }: ChoiceOutcome): void {
    if (degraded !== undefined) this.#degraded.inc()
    const pruned = candidates.filter(({ prunedAt }) => prunedAt !== undefined).length
    if (pruned > 0) this.#pruned.inc(pruned)
    if (particles === undefined) return
    if (particles.collapsed) this.#collapses.inc()
    for (const step of particles.steps) this.#countCheckpoint(step, particles.n)
  }

  #countCheckpoint({ effectiveSampleSize, resampled }: CheckpointReport, n: number): void {
    this.#checkpoints.inc()
    if (resampled) this.#resamplings.inc()
    if (Number.isFinite(effectiveSampleSize)) this.#essRatio.observe(effectiveSampleSize / n)
  }
}
