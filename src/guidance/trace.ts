import type { TokenDraw } from '../decoding/decoder.ts'
import type { GuideReading } from './merge-terms.ts'

/** The traces of a request's choices, with the weights that put their parts together. */
export interface AlignmentTrace {
  readonly baseWeight: number
  /** By the names under which each token's `guides` has their values. */
  readonly weights: Readonly<Record<string, number>>
  readonly choices: readonly (readonly TokenTrace[])[]
}

/** How one token came about; all log-probabilities are natural. */
export interface TokenTrace {
  readonly id: number
  /** Empty for the token that ended the answer, which is part of its law only. */
  readonly text: string
  /** Under the law it was drawn from. */
  readonly logprob: number
  /** Under the base alone, at temperature 1. */
  readonly baseLogprob: number
  /** Each guide's a_k(token) at temperature 1, before its weight. */
  readonly guides: Readonly<Record<string, number>>
  readonly top: TokenDraw['top']
}

/**
 * What base and guides each said of a drawn token. At temperature 1 without filters or penalties, logprob is the log-softmax
 * at the token of baseWeight * base + sum of weight * guide.
 * @param draw of a sequence whose sampling asked for `trace`
 * @param text the token's own text
 */
export function traceToken(draw: TokenDraw, text: string, readings: readonly GuideReading[]): TokenTrace {
  const logprobs = draw.termLogprobs
  if (logprobs === undefined) throw new Error(`Token ${draw.id} was drawn without trace.`)
  const guides = readings.map(({ name, combination }): [string, number] => [
    name,
    combination.reduce((sum, { term, coefficient }) => sum + coefficient * logprobs[term]!, 0),
  ])
  return {
    id: draw.id,
    text,
    logprob: draw.logprob,
    baseLogprob: logprobs[0]!,
    guides: Object.fromEntries(guides),
    top: draw.top,
  }
}

/** Each guide's weight, by the name it has in the trace. */
export function traceWeights(readings: readonly GuideReading[]): Readonly<Record<string, number>> {
  return Object.fromEntries(readings.map(({ name, weight }) => [name, weight]))
}
