import { z } from 'zod'
import { plainSampling } from '../src/decoding/sampling-params.ts'
import type { ChoiceOutcome, StrategyEvent } from '../src/guidance/strategy.ts'
import { planGeneration } from '../src/server/plan-generation.ts'
import type { Question } from './draw-answer.ts'
import type { EvaluatedModel } from './evaluated-model.ts'

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
  /** Tokens of the longest particle when the first text was streamed. */
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
  return runOf(answers.strategy(request, engine.decoder, new AbortController().signal))
}

/** Follows a strategy to its end. */
export async function runOf(events: AsyncIterable<StrategyEvent>): Promise<Run> {
  let text = ''
  let checkpoints = 0
  let beforeText: number | undefined
  for await (const event of events) {
    if (event.type === 'progress') checkpoints++
    else if (event.type === 'choice-delta') {
      text += event.text
      if (text !== '') beforeText ??= checkpoints
    } else {
      const { finishReason, returnedTokens, generatedTokens, outcome } = event
      const cost = { tokens: returnedTokens, generated: generatedTokens }
      return { text, finished: finishReason === 'stop', ...cost, ...chosen(outcome), ...start(outcome, beforeText) }
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

/** A population says where it is once at each checkpoint, before the text that has become final there. */
function start(outcome: ChoiceOutcome | undefined, checkpoints: number | undefined): Pick<Run, 'firstTextAt'> {
  const steps = outcome?.particles?.steps
  if (steps === undefined || checkpoints === undefined) return {}
  const step = steps[Math.min(checkpoints, steps.length) - 1]
  return step === undefined ? { firstTextAt: 0 } : { firstTextAt: step.tokens }
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)
