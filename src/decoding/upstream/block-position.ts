import { InvalidRequestError } from '../errors.ts'
import type { SamplingParams } from '../sampling-params.ts'
import { type KnownLaw, mostLikely, reportedLaw } from './known-law.ts'
import { liftedOutside } from './lifted-outside.ts'
import { type PositionLaw, type PositionRules, positionLaw } from './position-law.ts'
import { exponent, logitShifts, type TermLaw, type TiltedLaw } from './tilted-law.ts'
import type { EngineToken } from './token-engine.ts'
import { logSumExp, outsideBounds } from './truncation-bound.ts'
import type { AcceptanceBounds, Position } from './verify-drafts.ts'

/** What is known at one position of a draft. */
export interface PositionFacts {
  /** The drafted token and the row it was drawn from. */
  readonly token: EngineToken
  /** Tokens of the answer before it, the block's included. */
  readonly answer: readonly number[]
  /** One law per term, that of the drafting term left out. */
  readonly others: readonly (KnownLaw | undefined)[]
}

/** The terms of a request as a position combines them. */
export interface PositionTerms {
  readonly coefficients: readonly number[]
  /** Index of the term that drafts. */
  readonly drafting: number
}

/** Asks for more: the `top` most likely tokens of the drafting term and what the others say of them, `Infinity` for whole rows. */
export type Widen = (top: number) => Promise<PositionFacts>

/** How a decision is reached that the reported tokens leave open: never, at temperature 0 only, or always. */
export type Widening = { readonly exact: boolean; readonly mostTop: number; readonly widen: Widen }

/** One position of a block; its law is made once, and wider rows are fetched only when they are needed. */
export class BlockPosition implements Position {
  readonly #facts: PositionFacts
  readonly #terms: PositionTerms
  readonly #rules: PositionRules
  readonly #widening: Widening
  #law: Promise<PositionLaw> | undefined
  /** The law that decided, once one did. */
  decided: { readonly law: PositionLaw; readonly facts: PositionFacts } | undefined

  constructor(facts: PositionFacts, terms: PositionTerms, rules: PositionRules, widening: Widening) {
    this.#facts = facts
    this.#terms = terms
    this.#rules = rules
    this.#widening = widening
  }

  /** The facts as they were reported with the draft. */
  get facts(): PositionFacts {
    return this.#facts
  }

  bounds(id: number): AcceptanceBounds | undefined {
    const { sampling } = this.#rules
    if (!this.#widening.exact || isFiltered(sampling) || wantsLaw(sampling)) return undefined
    const { token } = this.#facts
    if (token.id !== id) throw new Error('Bounds are asked for the drafted token only.')
    const range = this.range()
    return { least: accepted(range.least - token.logprob), most: accepted(range.most - token.logprob) }
  }

  /** Log of the least and the most that the target's probability of the drafted token can be. */
  range(): { readonly least: number; readonly most: number } {
    const { token } = this.#facts
    const { temperature } = this.#rules.sampling
    const { law, base } = tilted(this.#facts, this.#terms, this.#rules.sampling)
    const weight = drafted(law, base, token) / temperature
    const known = token.top.ids.flatMap((other) => exponent(law, other) ?? []).map((value) => value / temperature)
    const support = new Set(token.top.ids.filter((other) => exponent(law, other) !== undefined))
    const outside = outsideBounds(law, base, token.top, support, this.#rules.vocabSize, temperature)
    const inside = logSumExp(support.has(token.id) ? known : [...known, weight])
    return { least: weight - logSumExp([inside, outside.logMass]), most: weight - inside }
  }

  law(): Promise<PositionLaw> {
    this.#law ??= this.#decide()
    return this.#law
  }

  async #decide(): Promise<PositionLaw> {
    const { exact, mostTop } = this.#widening
    const most = Math.min(mostTop, this.#rules.vocabSize)
    let facts = this.#facts
    let rules = this.#rules
    let law = this.#lawOf(facts, rules)
    const greedy = rules.sampling.temperature === 0
    const open = () => law.truncation > 0 && (exact || greedy || this.#lostBias(facts, rules, law) !== undefined)
    while (open() && rules.support < most) {
      const top = this.#nextTop(facts, rules)
      facts = await this.#widening.widen(top)
      rules = { ...rules, support: top }
      law = this.#lawOf(facts, rules)
    }
    const lost = this.#lostBias(facts, rules, law)
    if (lost !== undefined) throw unreachedBias(lost, rules.support)
    this.decided = { law, facts }
    return law
  }

  /** How many tokens to ask for next; engines refuse to report more than there are. */
  #nextTop(facts: PositionFacts, { support, vocabSize }: PositionRules): number {
    const { exact, mostTop } = this.#widening
    const top = exact || !this.#isOutsideBounded(facts) ? mostTop : Math.min(mostTop, support * 8)
    return top < vocabSize ? top : mostTop === Number.POSITIVE_INFINITY ? mostTop : vocabSize
  }

  /** A token that a bias lifts from outside of the support, so far that leaving it out may change the target. */
  #lostBias(facts: PositionFacts, rules: PositionRules, { truncation }: PositionLaw): number | undefined {
    const { sampling, support } = rules
    if (truncation <= leastCost) return undefined
    const { law, base } = tilted(facts, this.#terms, sampling)
    const lift = liftedOutside(law, base, mostLikely(facts.token.top, support), sampling)
    return lift !== undefined && lift.most > leastCost ? lift.id : undefined
  }

  /** Of what a term with a negative coefficient does not tell, no number of tokens short of all bounds the weight. */
  #isOutsideBounded({ others }: PositionFacts): boolean {
    const { coefficients, drafting } = this.#terms
    return coefficients.every((coefficient, j) => j === drafting || coefficient >= 0 || others[j]!.ids === undefined)
  }

  #lawOf(facts: PositionFacts, rules: PositionRules): PositionLaw {
    const { law, base } = tilted(facts, this.#terms, rules.sampling)
    return positionLaw(law, base, facts.token.top, rules)
  }
}

/** Total variation of one token that a bias may cost unsaid; what truncation costs by itself is reported. */
const leastCost = 1e-3

function unreachedBias(id: number, reported: number): InvalidRequestError {
  return new InvalidRequestError(
    `'logit_bias.${id}' lifts a token that is not among the ${reported} most likely ones, which is all that the upstream reports: what it would change cannot be known. ` +
      'Take the bias out, or let the engine report more (vLLM: --max-logprobs -1).',
    `logit_bias.${id}`,
  )
}

const accepted = (logRatio: number): number => Math.min(1, Math.exp(logRatio))

function tilted(facts: PositionFacts, { coefficients, drafting }: PositionTerms, sampling: SamplingParams) {
  const base: TermLaw = { coefficient: coefficients[drafting]!, law: reportedLaw(facts.token.top, true) }
  // terms of coefficient 0 say nothing, and may not have been read
  const terms = coefficients.flatMap((coefficient, j): TermLaw[] => {
    if (j === drafting) return [base]
    return coefficient === 0 ? [] : [{ coefficient, law: facts.others[j]! }]
  })
  const law: TiltedLaw = { terms, shifts: logitShifts(sampling, facts.answer) }
  return { law, base }
}

/** The drafted token's exponent, whose own log-probability is known even where it is not among the most likely ones. */
function drafted(law: TiltedLaw, base: TermLaw, token: EngineToken): number {
  const logprob = (id: number) => (id === token.id ? token.logprob : base.law.logprob(id))
  const own: KnownLaw = { ...base.law, logprob, score: logprob }
  const terms = law.terms.map((term) => (term === base ? { ...base, law: own } : term))
  const value = exponent({ ...law, terms }, token.id)
  if (value === undefined) throw new Error('A whole-vocabulary target needs guides that know every token.')
  return value
}

const isFiltered = ({ temperature, topK, topP, minP }: SamplingParams): boolean =>
  temperature === 0 || topK !== undefined || topP < 1 || minP > 0

/** Whoever reports log-probabilities needs the law itself. */
const wantsLaw = ({ topLogprobs, trace }: SamplingParams): boolean => topLogprobs !== undefined || trace
