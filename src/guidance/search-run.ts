import type { Decoder, SequenceRequest } from '../decoding/decoder.ts'
import { candidateReport } from './candidate-report.ts'
import type { Judge } from './judge.ts'
import { PartialAnswer } from './partial-answer.ts'
import type { SearchOptions } from './search-options.ts'
import { bestIndex } from './selection.ts'
import { SharedLineage } from './shared-lineage.ts'
import type { SearchNodeReport, StrategyEvent } from './strategy.ts'
import { drawSteps, TokenBudget } from './token-budget.ts'

/** An answer or a beginning, and what the reward says of it. */
export interface Judged {
  readonly answer: PartialAnswer
  readonly score: number
}

/** One search under way, whatever its method: its answers, of which it owns all, its budget, and what it has found. */
export class SearchRun {
  readonly budget: TokenBudget
  readonly #options: SearchOptions
  readonly #judge: Judge
  readonly #signal: AbortSignal
  readonly #answers: PartialAnswer[] = []
  readonly #lineage = new SharedLineage()
  /** Finished answers in the order they were found. */
  readonly #found: Judged[] = []

  private constructor(options: SearchOptions, budget: TokenBudget, judge: Judge, signal: AbortSignal) {
    this.#options = options
    this.budget = budget
    this.#judge = judge
    this.#signal = signal
  }

  /** @returns the run and its first answer, prefilled @param most answers that will be under way at one time */
  static async open(
    options: SearchOptions,
    limit: number | undefined,
    most: number,
    judge: Judge,
    request: SequenceRequest,
    decoder: Decoder,
    signal: AbortSignal,
  ): Promise<readonly [SearchRun, PartialAnswer]> {
    const run = new SearchRun(options, new TokenBudget(limit), judge, signal)
    const { sampling } = request
    // no answer can be longer than the budget, so no memory is kept for it
    const maxTokens = Math.min(sampling.maxTokens, limit ?? sampling.maxTokens)
    const first = new PartialAnswer(
      decoder,
      decoder.open({ ...request, sampling: { ...sampling, maxTokens }, forks: most - 1 }),
    )
    run.#answers.push(first)
    try {
      await first.advance(0, signal)
    } catch (error) {
      run.release()
      throw error
    }
    return [run, first]
  }

  /** The best finished answer, the first one on ties. */
  get best(): Judged | undefined {
    return this.#found[bestIndex(this.#found.map(({ score }) => score))]
  }

  fork(answer: PartialAnswer, seed: bigint): PartialAnswer {
    const copy = answer.fork(seed)
    this.#answers.push(copy)
    return copy
  }

  /** Advances all by one step, as far as the budget goes, and judges those that drew anything; finished ones are found. */
  async step(answers: readonly PartialAnswer[]): Promise<readonly Judged[]> {
    const before = new Map(answers.map((answer) => [answer, answer.generatedTokens]))
    await drawSteps(answers, this.#options, this.budget, this.#signal)
    return await this.#judgeAll(answers.filter((answer) => answer.generatedTokens > before.get(answer)!))
  }

  /** Draws an answer to its end, or the budget's, and judges it; streams it where no other answer can be chosen. */
  async *complete(answer: PartialAnswer, left: number): AsyncGenerator<StrategyEvent, Judged> {
    const before = answer.generatedTokens
    try {
      for await (const _ of answer.stream(Math.min(left, this.budget.left), this.#signal)) yield* this.common([answer])
    } finally {
      this.budget.spend(answer.generatedTokens - before)
    }
    const [judged] = await this.#judgeAll([answer])
    return judged!
  }

  /** What has become common to all that can still be chosen. @param goingOn prefixes that may be continued */
  *common(goingOn: readonly PartialAnswer[]): Generator<StrategyEvent> {
    const best = this.best
    const delta = this.#lineage.next(best === undefined ? goingOn : [...goingOn, best.answer])
    if (delta !== undefined) yield { type: 'choice-delta', index: 0, ...delta }
  }

  *end({ answer, score }: Judged, nodes: readonly SearchNodeReport[]): Generator<StrategyEvent> {
    const rest = this.#lineage.next([answer])
    if (rest !== undefined) yield { type: 'choice-delta', index: 0, ...rest }
    const { draws, endDraw, cachedTokens } = answer
    const drawn = this.#answers.reduce((sum, { spent }) => sum + spent, 0)
    yield {
      type: 'choice-end',
      index: 0,
      finishReason: answer.finishReason ?? 'length',
      endDraw,
      returnedTokens: draws.length,
      generatedTokens: drawn,
      cachedTokens,
      outcome: {
        rewardCalls: this.#judge.calls,
        reward: score,
        candidates: this.#found.map((found) =>
          candidateReport(
            found.answer,
            { score: found.score, judgedWhole: true, vote: undefined, prunedAt: undefined },
            found.answer === answer,
          ),
        ),
        search: { method: this.#options.method, budget: this.budget.limit, drawn, nodes },
      },
    }
  }

  release(): void {
    for (const answer of this.#answers) answer.release()
  }

  async #judgeAll(answers: readonly PartialAnswer[]): Promise<readonly Judged[]> {
    const scores = await this.#judge.scores(answers)
    const judged = answers.map((answer, i) => ({ answer, score: scores[i]! }))
    for (const { answer, score } of judged) {
      if (!answer.finished) continue
      this.#found.push({ answer, score })
      answer.release()
    }
    return judged
  }
}
