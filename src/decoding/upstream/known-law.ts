import { temperRow } from '../top-logits.ts'
import { UpstreamError } from './http/upstream-error.ts'

/** What is known of one next-token law at temperature 1; log-probabilities are natural and over the whole vocabulary. */
export interface KnownLaw {
  /** Undefined where it is not known. */
  logprob(id: number): number | undefined
  /** The same up to a constant of the law, which cancels wherever weights are compared; saves summing up whole rows. */
  score(id: number): number | undefined
  /** The ids whose log-probability is known; undefined: all of the vocabulary. */
  readonly ids: readonly number[] | undefined
  /** No token that is not known has a higher log-probability. */
  readonly restAtMost: number
  /** Where all is known: out[id] += coefficient * score, for every id. */
  addTo?(out: Float64Array, coefficient: number): void
}

/** Some tokens of a law, as engines report them. */
export interface ReportedTokens {
  readonly ids: readonly number[]
  readonly logprobs: readonly number[]
}

/** The first `count` of ranked tokens. */
export const mostLikely = ({ ids, logprobs }: ReportedTokens, count: number): ReportedTokens => ({
  ids: ids.slice(0, count),
  logprobs: logprobs.slice(0, count),
})

/** Engines compute in single precision, some in half: what the sum of a row may be beyond 1 and still be rounding. */
const rowRounding = 0.02

/** What single precision alone leaves open of a row's rest. */
const leastRest = 1e-7

/**
 * The probability of all tokens that are not among the reported ones. Of a row that rounding brings to 1 and beyond the rest is not known to be 0:
 * it is taken to be as much as the sum is beyond 1, and a little.
 */
export function restMass({ logprobs }: ReportedTokens): number {
  const rest = 1 - totalMass(logprobs)
  return rest >= leastRest ? rest : Math.max(leastRest, -rest)
}

const totalMass = (logprobs: readonly number[]): number => logprobs.reduce((sum, logprob) => sum + Math.exp(logprob), 0)

/** @throws UpstreamError for a row that is no law: its probabilities sum up to more than rounding explains, or an id comes twice */
export function assertRow(upstream: string, { ids, logprobs }: ReportedTokens): void {
  const total = totalMass(logprobs)
  if (!(total <= 1 + rowRounding))
    throw new UpstreamError('protocol', upstream, `reported probabilities that sum up to ${total.toPrecision(4)}`)
  if (new Set(ids).size !== ids.length) throw new UpstreamError('protocol', upstream, 'reported a token twice')
}

/**
 * The law of which an engine reported some tokens.
 * @param ranked they are the most likely ones; otherwise they were asked for by id
 */
export function reportedLaw(tokens: ReportedTokens, ranked: boolean): KnownLaw {
  const known = new Map(tokens.ids.map((id, i) => [id, tokens.logprobs[i]!]))
  const rest = Math.log(restMass(tokens))
  const smallest = ranked ? Math.min(...tokens.logprobs) : 0
  const logprob = (id: number) => known.get(id)
  return { logprob, score: logprob, ids: tokens.ids, restAtMost: Math.min(rest, smallest) }
}

/** The law of a whole row of logits, which is kept as it is: hand over a copy if it will be written to. */
export function wholeLaw(logits: Float32Array | Float64Array): KnownLaw {
  const normaliser = () => {
    const { max, logSumExp } = temperRow(logits, 1)
    return max + logSumExp
  }
  const score = (id: number) => (id < logits.length ? logits[id]! : Number.NEGATIVE_INFINITY)
  return {
    logprob: (id) => score(id) - normaliser(),
    score,
    ids: undefined,
    restAtMost: Number.NEGATIVE_INFINITY,
    addTo(out, coefficient) {
      const count = Math.min(out.length, logits.length)
      for (let id = 0; id < count; id++) out[id]! += coefficient * logits[id]!
      if (count < out.length) out.fill(coefficient * Number.NEGATIVE_INFINITY, count)
    },
  }
}
