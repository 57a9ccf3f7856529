import type { SamplingParams } from '../sampling-params.ts'
import { type ReportedTokens, restMass } from './known-law.ts'
import { exponent, exponentAtMost, type TermLaw, type TiltedLaw } from './tilted-law.ts'
import { logSumExp } from './truncation-bound.ts'

/** What the biases on tokens outside of the support can come to. */
export interface OutsideLift {
  /** One of these tokens. */
  readonly id: number
  /** At most this much total variation lies between the targets with and without their biases, before filters. */
  readonly most: number
}

/**
 * What is lost when tokens outside of the support are left out together with the biases that lift them: the weight that these can add, as a
 * share of all. The bound of all that is outside would not show it where it is 1 without any bias.
 * @param base the term whose most likely tokens `reported` are
 */
export function liftedOutside(
  law: TiltedLaw,
  base: TermLaw,
  reported: ReportedTokens,
  { temperature: asked, logitBias }: Pick<SamplingParams, 'temperature' | 'logitBias'>,
): OutsideLift | undefined {
  const temperature = asked === 0 ? 1 : asked
  const known = new Map(reported.ids.map((id) => [id, exponent(law, id)]))
  const lifted = [...logitBias].filter(([id, bias]) => bias > 0 && known.get(id) === undefined)
  if (lifted.length === 0) return undefined
  const added = lifted.map(([id, bias]) => {
    const most = (baseAtMost(base, reported, id) + exponentAtMost(law, id, base)) / temperature
    return most + Math.log(-Math.expm1(-bias / temperature))
  })
  const inside = logSumExp([...known.values()].flatMap((value) => (value === undefined ? [] : value / temperature)))
  return { id: lifted[0]![0], most: 1 / (1 + Math.exp(inside - logSumExp(added))) }
}

function baseAtMost({ coefficient }: TermLaw, reported: ReportedTokens, id: number): number {
  if (coefficient === 0) return 0
  const own = reported.logprobs[reported.ids.indexOf(id)]
  if (own !== undefined) return coefficient * own
  // from below nothing is known of it
  if (coefficient < 0) return Number.POSITIVE_INFINITY
  return coefficient * Math.min(Math.log(restMass(reported)), ...reported.logprobs)
}
