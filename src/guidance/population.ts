import type { Decoder, SequenceRequest } from '../decoding/decoder.ts'
import { PartialAnswer } from './partial-answer.ts'
import { freshWeight, type ParticleWeight } from './particle-weights.ts'
import { answerSeed, forkSeed } from './random-streams.ts'

export interface Particle {
  readonly answer: PartialAnswer
  readonly weight: ParticleWeight
}

/** The particles of one run; owns every answer that it opened and has not given up. */
export class Population {
  readonly #answers = new Set<PartialAnswer>()
  readonly #seed: bigint
  /** Tokens drawn for answers that were given up. */
  #spent = 0
  particles: readonly Particle[] = []

  private constructor(seed: bigint) {
    this.#seed = seed
  }

  /** n particles of one prompt, prefilled once. @param forks answers beside the first that may be alive at one time */
  static async open(n: number, forks: number, request: SequenceRequest, decoder: Decoder, signal: AbortSignal) {
    const population = new Population(request.sampling.seed)
    try {
      const first = population.#own(new PartialAnswer(decoder, decoder.open({ ...request, forks, ahead: true })))
      await first.advance(0, signal)
      const others = Array.from({ length: n - 1 }, (_, i) =>
        population.#own(first.fork(answerSeed(request.sampling.seed, i + 1))),
      )
      population.particles = [first, ...others].map((answer) => ({ answer, weight: freshWeight }))
    } catch (error) {
      population.release()
      throw error
    }
    return population
  }

  /** Tokens drawn for all answers, those that were given up included. */
  get spent(): number {
    return [...this.#answers].reduce((sum, answer) => sum + answer.spent, this.#spent)
  }

  get unfinished(): readonly Particle[] {
    return this.particles.filter(({ answer }) => !answer.finished)
  }

  /** A copy that does not join the population, such as a trial completion. The caller gives it up. */
  branch(answer: PartialAnswer, seed: bigint): PartialAnswer {
    return this.#own(answer.fork(seed))
  }

  /** Frees an answer and forgets what it said: over a long run, the answers given up would outgrow those alive. */
  giveUp(answer: PartialAnswer): void {
    answer.release()
    if (this.#answers.delete(answer)) this.#spent += answer.spent
  }

  /**
   * Slot i goes on with particle `ancestors[i]`: its first copy is the particle itself, further ones share its past by
   * reference and draw from streams of their own; the weights start anew. Those without a copy are released first.
   */
  resample(ancestors: readonly number[], checkpoint: number): void {
    // by answer, for copies of a finished one are one and the same
    const kept = new Set(ancestors.map((ancestor) => this.particles[ancestor]!.answer))
    for (const { answer } of this.particles) if (!kept.has(answer)) this.giveUp(answer)
    const continued = new Set<number>()
    this.particles = ancestors.map((ancestor, slot) => {
      const { answer, weight } = this.particles[ancestor]!
      const copy = continued.has(ancestor) && !answer.finished
      continued.add(ancestor)
      const own = copy ? this.#own(answer.fork(forkSeed(this.#seed, checkpoint, slot))) : answer
      return { answer: own, weight: { ...weight, logWeight: 0 } }
    })
  }

  release(): void {
    for (const answer of this.#answers) answer.release()
  }

  #own(answer: PartialAnswer): PartialAnswer {
    this.#answers.add(answer)
    return answer
  }
}
