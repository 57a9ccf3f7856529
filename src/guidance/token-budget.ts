import { advanceAll } from './advance-all.ts'
import { sentenceEnd } from './checkpoints.ts'
import type { PartialAnswer } from './partial-answer.ts'
import type { SearchOptions } from './search-options.ts'

/** Tokens that many answers may draw between them. */
export class TokenBudget {
  /** Undefined: as many as it takes. */
  readonly limit: number | undefined
  #left: number

  constructor(limit: number | undefined) {
    this.limit = limit
    this.#left = limit ?? Number.POSITIVE_INFINITY
  }

  get left(): number {
    return this.#left
  }

  spend(tokens: number): void {
    if (tokens > this.#left) throw new Error(`${tokens} tokens were drawn of ${this.#left} that were left.`)
    this.#left -= tokens
  }

  /** What is left in equal shares, the first ones one token larger where it does not divide. */
  shares(count: number): number[] {
    if (this.#left === Number.POSITIVE_INFINITY) return Array.from({ length: count }, () => this.#left)
    const each = Math.floor(this.#left / count)
    return Array.from({ length: count }, (_, i) => (i < this.#left % count ? each + 1 : each))
  }
}

type StepOptions = Pick<SearchOptions, 'at' | 'step_tokens' | 'delimiter'>

/** One answer on its way to the end of a step; it can pause anywhere within. */
class Step {
  readonly answer: PartialAnswer
  readonly #options: StepOptions
  readonly #from: number
  #left: number

  constructor(answer: PartialAnswer, options: StepOptions) {
    this.answer = answer
    this.#options = options
    this.#from = answer.text.length
    this.#left = options.step_tokens ?? (options.at === 'tokens' ? 16 : 256)
  }

  get over(): boolean {
    return this.#left === 0 || this.answer.finished
  }

  /** Draws up to `tokens` more. */
  async advance(tokens: number, signal: AbortSignal): Promise<void> {
    for (let allowed = tokens; allowed > 0 && !this.over; ) {
      const before = this.answer.generatedTokens
      await this.answer.advance(this.#options.at === 'tokens' ? Math.min(allowed, this.#left) : 1, signal)
      const drawn = this.answer.generatedTokens - before
      allowed -= drawn
      this.#left = this.#ends() ? 0 : this.#left - drawn
    }
  }

  #ends(): boolean {
    const added = this.answer.text.slice(this.#from)
    switch (this.#options.at) {
      case 'tokens':
        return false
      case 'sentence':
        return sentenceEnd.test(added)
      case 'step':
        return added.includes(this.#options.delimiter)
    }
  }
}

/**
 * Advances every answer by one step, side by side, within the budget. It is shared out before anything is drawn, and what a
 * share leaves over is shared out again: who gets the last tokens never depends on who was faster.
 */
export async function drawSteps(
  answers: readonly PartialAnswer[],
  options: StepOptions,
  budget: TokenBudget,
  signal: AbortSignal,
): Promise<void> {
  const steps = answers.map((answer) => new Step(answer, options))
  for (let going = steps; going.length > 0 && budget.left > 0; going = going.filter(({ over }) => !over)) {
    const before = drawnBy(answers)
    await advanceSteps(going, budget.shares(going.length), signal)
    budget.spend(drawnBy(answers) - before)
  }
}

async function advanceSteps(steps: readonly Step[], shares: readonly number[], signal: AbortSignal): Promise<void> {
  const advance = new Map(
    steps.map((step, i) => [step.answer, (stop: AbortSignal) => step.advance(shares[i]!, stop)] as const),
  )
  for await (const _ of advanceAll([...advance.keys()], (answer, stop) => advance.get(answer)!(stop), signal));
}

const drawnBy = (answers: readonly PartialAnswer[]): number =>
  answers.reduce((sum, { generatedTokens }) => sum + generatedTokens, 0)
