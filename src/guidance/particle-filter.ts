import type { SequenceRequest } from '../decoding/decoder.ts'
import { streamAll } from './advance-all.ts'
import { segmentOf } from './checkpoints.ts'
import { checkpointRewards } from './intermediate-reward.ts'
import type { Judge } from './judge.ts'
import { logNormalisers, reweigh } from './particle-weights.ts'
import type { Population } from './population.ts'
import { resamplingUniforms } from './random-streams.ts'
import { effectiveSampleSize, logMeanExp, normalised, type resample } from './resampling.ts'
import type { CheckpointReport, StrategyEvent } from './strategy.ts'
import type { ParticleOptions } from './whole-answer-options.ts'

export type Resampling = typeof resample

/** The population from one checkpoint to the next, and the estimate of log Z that comes with it. */
export class ParticleFilter {
  readonly steps: CheckpointReport[] = []
  collapsed = false
  #logZ = 0
  /** By slot, how much of its text the steps so far have told. */
  #told: readonly number[] | undefined
  readonly #population: Population
  readonly #options: ParticleOptions
  readonly #judge: Judge
  readonly #request: SequenceRequest
  readonly #choose: Resampling

  constructor(
    population: Population,
    options: ParticleOptions,
    judge: Judge,
    request: SequenceRequest,
    choose: Resampling,
  ) {
    this.#population = population
    this.#options = options
    this.#judge = judge
    this.#request = request
    this.#choose = choose
  }

  get done(): boolean {
    return this.#population.particles.every(({ weight }) => weight.absorbed)
  }

  get logWeights(): number[] {
    return this.#population.particles.map(({ weight }) => weight.logWeight)
  }

  /** log of the unbiased estimate of E[exp(lambda * reward)]. */
  get logZ(): number {
    return this.#logZ + logMeanExp(this.logWeights)
  }

  /** Decodes up to the next checkpoint; yields whenever one of the particles may have more text. */
  grow(signal: AbortSignal): AsyncGenerator<unknown> {
    const answers = this.#population.unfinished.map(({ answer }) => answer)
    return streamAll(answers, segmentOf(this.#options), signal)
  }

  /** Judges the particles where they are, and resamples if that is due. */
  async judge(signal: AbortSignal): Promise<StrategyEvent> {
    await this.#reweigh(signal)
    this.#resampleIfDue()
    const step = this.steps.at(-1)!
    const state = `${step.tokens} tokens, effective sample size ${step.effectiveSampleSize.toFixed(2)}`
    return { type: 'progress', message: `particles: ${state}` }
  }

  async #reweigh(signal: AbortSignal): Promise<void> {
    const judged = this.#population.particles.filter(({ weight }) => !weight.absorbed)
    const { seed, maxTokens } = this.#request.sampling
    const context = { checkpoint: this.steps.length, seed, maxTokens, signal }
    const rewards = await checkpointRewards(judged, this.#population, this.#options, this.#judge, context)
    if (rewards === undefined) return this.#goOnUnsteered()
    const rewardOf = new Map(judged.map((particle, i) => [particle, rewards[i]!]))
    this.#population.particles = this.#population.particles.map((particle) => {
      const reward = rewardOf.get(particle)
      if (reward === undefined) return particle
      const { answer, weight } = particle
      const { draws, endDraw } = answer
      const fresh = this.#options.target === 'global' ? draws.slice(weight.corrected) : []
      const ended = endDraw !== undefined && this.#options.target === 'global' ? [endDraw] : []
      const logRatio = logNormalisers([...fresh, ...ended], this.#request)
      const next = reweigh(weight, reward, answer.finished, logRatio, this.#options)
      return { answer, weight: { ...next, corrected: draws.length } }
    })
  }

  /** Equal weights from here to the end: nothing is resampled, and every particle is a sample of the base. */
  #goOnUnsteered(): void {
    this.#population.particles = this.#population.particles.map(({ answer, weight }) => ({
      answer,
      weight: { ...weight, logWeight: 0, absorbed: answer.finished },
    }))
  }

  #resampleIfDue(): void {
    const weights = normalised(this.logWeights)
    const size = effectiveSampleSize(weights)
    if (size === 0) this.collapsed = true
    const due = size > 0 && this.#due(size)
    const { particles } = this.#population
    const identity = particles.map((_, i) => i)
    const checkpoint = this.steps.length
    const ancestors = due
      ? this.#choose(this.#scheme, weights, resamplingUniforms(this.#request.sampling.seed, checkpoint))
      : identity
    this.steps.push({
      tokens: Math.max(...particles.map(({ answer }) => answer.generatedTokens)),
      effectiveSampleSize: size,
      resampled: due,
      rewards: this.#judge.degraded === undefined ? particles.map(({ weight }) => weight.reward) : undefined,
      ancestors,
      texts: this.#request.sampling.trace ? this.#freshTexts(ancestors) : undefined,
    })
    if (due) this.#resample(ancestors, checkpoint)
    else if (this.#options.compat === 'fkd') this.#forgetWeights()
  }

  /** What the steps have not told yet; each slot then goes on from what its ancestor had written. */
  #freshTexts(ancestors: readonly number[]): string[] {
    const texts = this.#population.particles.map(({ answer }) => answer.text)
    const fresh = texts.map((text, slot) => text.slice(this.#told?.[slot] ?? 0))
    this.#told = ancestors.map((ancestor) => texts[ancestor]!.length)
    return fresh
  }

  #due(size: number): boolean {
    if (this.#judge.degraded !== undefined) return false
    if (this.#options.compat === 'its_hub') return true
    // that of equal weights is n only up to rounding
    return !this.done && size < this.#options.ess_threshold * this.#options.n * (1 - 1e-12)
  }

  get #scheme() {
    return this.#options.compat === undefined ? this.#options.resampler : 'multinomial'
  }

  #resample(ancestors: readonly number[], checkpoint: number): void {
    // its_hub keeps the weights: what was resampled by them is also chosen by them
    const kept = this.#population.particles.map(({ weight }) => weight.logWeight)
    this.#logZ += logMeanExp(this.logWeights)
    this.#population.resample(ancestors, checkpoint)
    if (this.#options.compat !== 'its_hub') return
    this.#setWeights((slot) => kept[ancestors[slot]!]!)
  }

  // the reference class drops what it did not use
  #forgetWeights(): void {
    if (!this.done) this.#setWeights(() => 0)
  }

  #setWeights(logWeight: (slot: number) => number): void {
    this.#population.particles = this.#population.particles.map(({ answer, weight }, slot) => ({
      answer,
      weight: { ...weight, logWeight: logWeight(slot) },
    }))
  }
}
