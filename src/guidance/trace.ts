import type { TokenAlternative, TokenDraw } from '../decoding/decoder.ts'
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
  /** The most likely tokens of that law, best first; undefined unless `top_logprobs` was asked for. */
  readonly top: readonly AlternativeTrace[] | undefined
}

/** What was said of a token that could have been drawn; the values are as a drawn token's. */
export interface AlternativeTrace {
  readonly id: number
  readonly text: string
  readonly logprob: number
  /** Undefined, as `guides`, where an upstream reports them for the drawn token only. */
  readonly baseLogprob: number | undefined
  readonly guides: Readonly<Record<string, number>> | undefined
}

/**
 * What base and guides each said of a drawn token and its alternatives. At temperature 1 without filters or penalties, logprob is
 * the log-softmax at the token of baseWeight * base + sum of weight * guide.
 * @param draw of a sequence whose sampling asked for `trace`
 * @param text the token's own text
 * @param textOf an alternative's
 */
export function traceToken(
  draw: TokenDraw,
  text: string,
  readings: readonly GuideReading[],
  textOf: (id: number) => string,
): TokenTrace {
  const { id, logprob, termLogprobs, top } = draw
  if (termLogprobs === undefined) throw new Error(`Token ${id} was drawn without trace.`)
  return {
    id,
    text,
    logprob,
    ...readTerms(termLogprobs, readings),
    top: top?.map((alternative) => traceAlternative(alternative, readings, textOf(alternative.id))),
  }
}

function traceAlternative(
  { id, logprob, termLogprobs }: TokenAlternative,
  readings: readonly GuideReading[],
  text: string,
): AlternativeTrace {
  const read =
    termLogprobs === undefined ? { baseLogprob: undefined, guides: undefined } : readTerms(termLogprobs, readings)
  return { id, text, logprob, ...read }
}

function readTerms(logprobs: readonly number[], readings: readonly GuideReading[]) {
  const guides = readings.map(({ name, combination }): [string, number] => [
    name,
    combination.reduce((sum, { term, coefficient }) => sum + coefficient * logprobs[term]!, 0),
  ])
  return { baseLogprob: logprobs[0]!, guides: Object.fromEntries(guides) }
}

/** Each guide's weight, by the name it has in the trace. */
export function traceWeights(readings: readonly GuideReading[]): Readonly<Record<string, number>> {
  return Object.fromEntries(readings.map(({ name, weight }) => [name, weight]))
}
