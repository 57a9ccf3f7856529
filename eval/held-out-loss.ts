import { childSeed, uniform } from '../src/decoding/rng.ts'
import { atMost, type Bar } from './bar.ts'
import type { EvaluationRun } from './evaluation-run.ts'
import { drawSumAnswer, drawTalkAnswer, type Rng } from './grammar-answer.ts'
import { grammarChecker } from './grammar-checker.ts'
import { sumLogprob, talkLogprob } from './grammar-law.ts'
import { cycle, type Topic } from './held-out.ts'
import { inFlight } from './in-flight.ts'
import { bootstrapInterval, type Interval } from './interval.ts'
import { progressBar } from './progress-bar.ts'
import type { RunOptions } from './run-cells.ts'
import { forcedLogprobs } from './teacher-forcing.ts'

/** Enough for an interval far narrower than the bar; every token of every answer is a request of its own. */
const lossAnswers = 100

/** An answer of the grammar with its exact log-probability: no model's can be higher on average. */
interface GrammarAnswer {
  readonly prompt: string
  readonly text: string
  readonly exact: number
}

/**
 * The base's loss over the grammar's entropy on held-out prompts: answers are drawn from the grammar, and both their exact
 * log-probability and the engine's are known.
 */
export async function lossBars(
  run: EvaluationRun,
  { seed, concurrency }: Pick<RunOptions, 'seed' | 'concurrency'>,
): Promise<readonly Bar[]> {
  const limit = inFlight(concurrency)
  const progress = progressBar('answers scored')
  progress.start(2 * lossAnswers, 0)
  const score = ({ prompt, text, exact }: GrammarAnswer) =>
    limit(async () => {
      const logprobs = await forcedLogprobs(run.model, prompt, text)
      progress.increment()
      return { excess: exact - logprobs.reduce((sum, value) => sum + value, 0), tokens: logprobs.length }
    })
  const bars = (['talk', 'sums'] as const).map(async (topic) => {
    const perToken = excessPerToken(await Promise.all(grammarAnswers(run, topic, seed).map(score)))
    return atMost(0.05, `base: held-out loss over the exact entropy, ${topic}, nats/token`, perToken)
  })
  return Promise.all(bars).finally(() => progress.stop())
}

function excessPerToken(rows: readonly { readonly excess: number; readonly tokens: number }[]): Interval {
  return bootstrapInterval(rows.length, (indices) => {
    const total = (column: 'excess' | 'tokens') => indices.reduce((sum, index) => sum + rows[index]![column], 0)
    return total('excess') / total('tokens')
  })
}

function grammarAnswers({ grammar, heldOut }: EvaluationRun, topic: Topic, seed: number): readonly GrammarAnswer[] {
  const checker = grammarChecker(grammar)
  const rngOf = (index: number) => stream(childSeed(BigInt(seed), index))
  if (topic === 'talk') {
    return cycle(heldOut.talk, lossAnswers).map(({ prompt, meta }, index) => {
      const text = drawTalkAnswer(meta, grammar, rngOf(index))
      return { prompt, text, exact: talkLogprob(text, meta, grammar, checker)! }
    })
  }
  return cycle(heldOut.sums, lossAnswers).map(({ prompt, meta }, index) => {
    const text = drawSumAnswer(meta, grammar, rngOf(index))
    return { prompt, text, exact: sumLogprob(text, meta, grammar)! }
  })
}

function stream(seed: bigint): Rng {
  let counter = 0
  return () => uniform(seed, counter++)
}
