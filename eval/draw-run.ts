import { z } from 'zod'
import { plainSampling } from '../src/decoding/sampling-params.ts'
import type { ChoiceOutcome, StrategyEvent } from '../src/guidance/strategy.ts'
import { planGeneration } from '../src/server/plan-generation.ts'
import type { Question } from './draw-answer.ts'
import type { EvaluatedModel } from './evaluated-model.ts'
import { watchedDecoder } from './watched-decoder.ts'

// JSON has no -Infinity, which is what a reward gives to an answer that must not be chosen.
const score = z.number().nullable()

export const runSchema = z.object({
  text: z.string(),
  finished: z.boolean(),
  /** Of the answer, the end token not counted. */
  tokens: z.int(),
  /** Everything decoded for it, end tokens included. */
  generated: z.int(),
  rewardCalls: z.int(),
  reward: score.optional(),
  /** Best-of's estimate of its KL divergence from the chosen answer's probability. */
  klEstimate: z.number().optional(),
  candidates: z.array(z.object({ text: z.string(), score: score.optional(), tokens: z.int() })).optional(),
  /** Tokens of the longest of the answers under way when the first text was streamed. */
  firstTextAt: z.int().optional(),
})

/** One answer by whatever strategy, and what it cost. */
export type Run = z.output<typeof runSchema>

/** Asks one question by the server's own planning and strategies. */
export async function drawRun({ engine, name }: EvaluatedModel, question: Question): Promise<Run> {
  const { prompt, alignment, temperature, seed, maxTokens } = question
  const [planned] = planGeneration(engine, {
    model: name,
    prompts: [{ type: 'messages', messages: [{ role: 'user', content: prompt }] }],
    n: 1,
    sampling: { ...plainSampling, temperature, seed, maxTokens },
    defaultMaxTokens: maxTokens,
    alignment,
  })
  const { request, answers } = planned!
  const { decoder, longest } = watchedDecoder(engine.decoder)
  return runOf(answers.strategy(request, decoder, new AbortController().signal), longest)
}

/** Follows a strategy to its end. @param longest tokens of the longest sequence so far */
export async function runOf(events: AsyncIterable<StrategyEvent>, longest: () => number): Promise<Run> {
  let text = ''
  let firstTextAt: number | undefined
  for await (const event of events) {
    if (event.type === 'progress') continue
    if (event.type === 'choice-delta') {
      text += event.text
      if (text !== '') firstTextAt ??= longest()
    } else {
      const { finishReason, returnedTokens, generatedTokens, outcome } = event
      const cost = { tokens: returnedTokens, generated: generatedTokens }
      const start = firstTextAt === undefined ? {} : { firstTextAt }
      return { text, finished: finishReason === 'stop', ...cost, ...chosen(outcome), ...start }
    }
  }
  throw new Error('The strategy ended without an answer.')
}

function chosen(outcome: ChoiceOutcome | undefined): Pick<Run, 'rewardCalls' | 'reward' | 'klEstimate' | 'candidates'> {
  const { rewardCalls = 0, reward, bestOf, candidates } = outcome ?? {}
  return {
    rewardCalls,
    ...(reward === undefined ? {} : { reward: finite(reward) }),
    ...(bestOf === undefined ? {} : { klEstimate: bestOf.klEstimate }),
    ...(candidates === undefined
      ? {}
      : {
          candidates: candidates.map(({ text, score, tokens }) => {
            return { text, tokens, ...(score === undefined ? {} : { score: finite(score) }) }
          }),
        }),
  }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
