import { ApiProblem } from './api-problem.ts'

/** The sequences that all requests under way may hold together. */
export class Load {
  #cost = 0

  get cost(): number {
    return this.#cost
  }

  /**
   * A request that is larger than the bound runs alone rather than never.
   * @throws ApiProblem `overloaded` when it does not fit beside the others
   * @returns gives it back
   */
  take(cost: number, most = Number.POSITIVE_INFINITY): () => void {
    if (this.#cost > 0 && this.#cost + cost > most)
      throw new ApiProblem(
        'overloaded',
        `The server works on as much as it may (${this.#cost} of ${most}); try again later.`,
        {
          retryAfter: 1,
        },
      )
    this.#cost += cost
    return () => {
      this.#cost -= cost
    }
  }
}
