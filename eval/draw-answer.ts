import type { Sequence, TokenDraw } from '../src/decoding/decoder.ts'
import { plainSampling } from '../src/decoding/sampling-params.ts'
import type { AlignmentOptions } from '../src/guidance/alignment-options.ts'
import { planGeneration } from '../src/server/plan-generation.ts'
import type { EvaluatedModel } from './evaluated-model.ts'

export interface Question {
  readonly prompt: string
  readonly alignment: AlignmentOptions
  readonly temperature: number
  readonly seed: bigint
  readonly maxTokens: number
}

export interface Answer {
  readonly text: string
  /** The end token not counted. */
  readonly tokens: number
  readonly finished: boolean
  /** log p(answer, end token included) under the law it was drawn from. */
  readonly logprob: number
  /** The same under the base alone at temperature 1. */
  readonly baseLogprob: number
}

/** Asks one question by the server's own planning and the engine's own sampling. */
export async function drawAnswer({ engine, name }: EvaluatedModel, question: Question): Promise<Answer> {
  const { prompt, alignment, temperature, seed, maxTokens } = question
  const [planned] = planGeneration(engine, {
    model: name,
    prompts: [{ type: 'messages', messages: [{ role: 'user', content: prompt }] }],
    n: 1,
    sampling: { ...plainSampling, temperature, seed, maxTokens, trace: true },
    defaultMaxTokens: maxTokens,
    alignment,
  })
  const sequence = engine.decoder.open(planned!.request)
  try {
    const never = new AbortController().signal
    const draws: TokenDraw[] = []
    for await (const delta of engine.decoder.advance(sequence, maxTokens, never)) draws.push(...delta.draws)
    return answerOf(sequence, draws)
  } finally {
    engine.decoder.release(sequence)
  }
}

/** The end token is part of the answer's probability: guides that shorten work through it. */
function answerOf({ text, endDraw }: Sequence, draws: readonly TokenDraw[]): Answer {
  const all = endDraw === undefined ? draws : [...draws, endDraw]
  return {
    text,
    tokens: draws.length,
    finished: endDraw !== undefined,
    logprob: all.reduce((sum, { logprob }) => sum + logprob, 0),
    baseLogprob: all.reduce((sum, { termLogprobs }) => sum + termLogprobs![0]!, 0),
  }
}
