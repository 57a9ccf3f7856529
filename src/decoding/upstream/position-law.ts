import type { TokenDraw } from '../decoder.ts'
import { type Kept, keptHead, reportedTop, wholeVocabulary } from '../head-draw.ts'
import type { SamplingParams } from '../sampling-params.ts'
import type { TopLogits } from '../top-logits.ts'
import { mostLikely, type ReportedTokens } from './known-law.ts'
import { exponent, type TermLaw, type TiltedLaw } from './tilted-law.ts'
import { logSumExp, type OutsideBounds, outsideBounds } from './truncation-bound.ts'

/** The target q on its support, most likely token first, beside the law d that the drafts were drawn from. */
export interface PositionLaw {
  readonly ids: readonly number[]
  readonly target: readonly number[]
  /** Undefined: not known for certain, so no draft may be looked at here. */
  readonly draft: readonly number[] | undefined
  /** At most this much total variation lies between the target and that over the whole vocabulary. */
  readonly truncation: number
  /** The law of the draw as the API shows it. */
  report(id: number): Pick<TokenDraw, 'logprob' | 'top'>
}

/** How a position's target and the draft's law follow from what the engine reported. */
export interface PositionRules {
  readonly sampling: SamplingParams
  /**
   * Drafts come from this many most likely tokens only, their law renormalised (algorithm A), in the row reported with the draft, whatever row
   * the target is made of; undefined: from the whole law (A').
   */
  readonly draftsWithin: { readonly count: number; readonly row: ReportedTokens } | undefined
  /** Tokens the target is restricted to: this many most likely ones of the base. */
  readonly support: number
  readonly vocabSize: number
}

/**
 * The target on the base's most likely tokens, as far as every term knows them: base and guides combined, then temperature and
 * filters. It depends on the reported rows alone, never on which token was drafted.
 * @param base whose most likely tokens `reported` are: the term that drafts
 * @throws InvalidLogitsError when a weight makes a token certain or all impossible
 */
export function positionLaw(
  law: TiltedLaw,
  base: TermLaw,
  reported: ReportedTokens,
  rules: PositionRules,
): PositionLaw {
  const { sampling } = rules
  const temperature = sampling.temperature === 0 ? 1 : sampling.temperature
  const row = mostLikely(reported, rules.support)
  const head = rankedHead(law, row.ids, temperature)
  if (head.ids.length === 0)
    throw new Error(
      'No token is known to the base and to every guide: ask for fewer guides, or let engines report more.',
    )
  const kept = sampling.temperature === 0 ? wholeVocabulary(head) : keptHead(head, true, sampling)!
  const outside = outsideBounds(law, base, row, new Set(head.ids), rules.vocabSize, temperature)
  const ids = [...head.ids]
  return {
    ids,
    target: targetOf(head, kept, sampling),
    draft: draftOf(ids, reported, rules),
    truncation: truncation(head, kept, outside, sampling),
    report: (id) => ({
      logprob: head.values[ids.indexOf(id)]! - kept.logMass,
      top: reportedTop(head, kept, sampling),
    }),
  }
}

/** Most likely under the target first, lowest id on ties. */
function rankedHead(law: TiltedLaw, candidates: readonly number[], temperature: number): TopLogits {
  const found: { id: number; value: number }[] = []
  for (const id of candidates) {
    const value = exponent(law, id)
    if (value !== undefined) found.push({ id, value: value / temperature })
  }
  found.sort((a, b) => b.value - a.value || a.id - b.id)
  const values = Float64Array.from(found, ({ value }) => value)
  return { ids: Int32Array.from(found, ({ id }) => id), values, logSumExp: logSumExp(values) }
}

function targetOf(head: TopLogits, kept: Kept, { temperature }: SamplingParams): number[] {
  if (temperature === 0) return Array.from(head.ids, (_, i) => (i === 0 ? 1 : 0))
  return Array.from(head.values, (value, i) => (i < kept.count ? Math.exp(value - kept.logMass) : 0))
}

/** d on the support. Engines keep all tokens that tie with the last of their top_k: a tie there leaves d uncertain. */
function draftOf(ids: readonly number[], reported: ReportedTokens, rules: PositionRules): number[] | undefined {
  if (rules.draftsWithin === undefined) return probabilitiesOf(ids, reported, 0)
  const { count, row } = rules.draftsWithin
  const last = row.logprobs[count - 1]
  if (last !== undefined && row.logprobs[count] === last) return undefined
  const within = mostLikely(row, count)
  return probabilitiesOf(ids, within, logSumExp(within.logprobs))
}

/** 0 for what is not in the row. */
function probabilitiesOf(ids: readonly number[], row: ReportedTokens, logTotal: number): number[] {
  const logprobs = new Map(row.ids.map((id, i) => [id, row.logprobs[i]!]))
  return ids.map((id) => Math.exp((logprobs.get(id) ?? Number.NEGATIVE_INFINITY) - logTotal))
}

/**
 * Without filters: the mass outside over the whole. With filters: 0 where they provably keep the same tokens of the whole
 * vocabulary, the same as without where they keep all of the support, otherwise nothing is promised. Temperature 0: 0 where the
 * most likely token is certain.
 */
function truncation(head: TopLogits, kept: Kept, outside: OutsideBounds, sampling: SamplingParams): number {
  const { temperature, minP } = sampling
  if (outside.logMass === Number.NEGATIVE_INFINITY) return 0
  if (temperature === 0) return head.values[0]! > outside.logLargest ? 0 : 1
  const share = 1 / (1 + Math.exp(head.logSumExp - outside.logMass))
  // a top_k of just as many closes the set like one of fewer
  const closed = kept.count < head.ids.length || sampling.topK === head.ids.length
  if (!closed) return keepsSupport(head, outside, sampling) ? share : 1
  const belowMin = minP <= 0 || outside.logLargest < head.values[0]! + Math.log(minP) || closedBefore(head, kept, minP)
  return outside.logLargest < keptFrom(head, kept, sampling) && belowMin && sameNucleus(head, kept, outside, sampling)
    ? 0
    : 1
}

/** Whether the filters, which keep all of the support by itself, would also keep it among all tokens; of equals top_k may keep others. */
function keepsSupport({ values }: TopLogits, { logLargest }: OutsideBounds, { topK, topP, minP }: SamplingParams) {
  return topP >= 1 && (topK === undefined || logLargest < values.at(-1)!) && (minP <= 0 || logLargest <= values[0]!)
}

/** Tokens below this value change nothing: top_p counts the mass of all that top_k keeps, the other filters that of none. */
function keptFrom({ values }: TopLogits, { count }: Kept, { topK, topP }: SamplingParams): number {
  const within = topP < 1 && topK !== undefined && topK <= values.length ? topK : count
  return values[within - 1]!
}

/** Whether top_p keeps as many when the mass outside, of which nothing but a bound is known, is counted as well. */
function sameNucleus(head: TopLogits, kept: Kept, outside: OutsideBounds, sampling: SamplingParams): boolean {
  if (sampling.topP >= 1 || (sampling.topK !== undefined && sampling.topK <= head.ids.length)) return true
  const whole = { ...head, logSumExp: logSumExp([head.logSumExp, outside.logMass]) }
  return keptHead(whole, true, { ...sampling, topK: undefined })!.count === kept.count
}

/** Whether min_p alone would have kept one token more, so that another filter closed the set. */
const closedBefore = ({ values }: TopLogits, { count }: Kept, minP: number): boolean =>
  values[count]! >= values[0]! + Math.log(minP)
