import { type ReportedTokens, restMass } from './known-law.ts'
import { largest } from './largest.ts'
import { exponentAtMost, type TermLaw, type TiltedLaw, unknownExponentAtMost } from './tilted-law.ts'

/** Upper bounds of what a target can have outside of the tokens it is restricted to, as weights exp(exponent / temperature). */
export interface OutsideBounds {
  /** Log of the sum of their weights. */
  readonly logMass: number
  /** Log of the largest weight. */
  readonly logLargest: number
}

/** Log weights of the tokens outside without their base part: single tokens, and a number of others that share one bound. */
interface Outside {
  readonly single: Float64Array
  readonly common: { readonly value: number; readonly count: number }
}

/**
 * Bounds of the target's weights outside `support`. The base's tokens outside its reported ones have together the mass that is
 * left and each at most the smallest reported probability; the largest sum under these two constraints puts the mass on the
 * tokens that the other terms favour most (a greedy fill, exact for a base coefficient of one over the temperature).
 * @param base the term whose most likely tokens `reported` are
 */
export function outsideBounds(
  law: TiltedLaw,
  base: TermLaw,
  reported: ReportedTokens,
  support: ReadonlySet<number>,
  vocabSize: number,
  temperature: number,
): OutsideBounds {
  const power = base.coefficient / temperature
  const parts: number[] = []
  const weights: number[] = []
  for (const [i, id] of reported.ids.entries()) {
    if (support.has(id)) continue
    const weight = power * reported.logprobs[i]! + exponentAtMost(law, id, base) / temperature
    parts.push(weight)
    weights.push(weight)
  }
  const inRow = new Set(reported.ids)
  const rest = restMass(reported)
  if (rest > 0 && inRow.size < vocabSize) {
    const cap = Math.min(rest, Math.exp(Math.min(...reported.logprobs)))
    const outside = outsideWeights(law, base, inRow, vocabSize, temperature)
    const most = Math.max(maximum(outside.single), outside.common.value)
    parts.push(power < 0 ? Number.POSITIVE_INFINITY : filledMass(outside, power, rest, cap))
    weights.push(power < 0 ? Number.POSITIVE_INFINITY : most + power * Math.log(cap))
  }
  return { logMass: logSumExp(parts), logLargest: Math.max(Number.NEGATIVE_INFINITY, ...weights) }
}

function outsideWeights(
  law: TiltedLaw,
  base: TermLaw,
  inRow: ReadonlySet<number>,
  vocabSize: number,
  temperature: number,
): Outside {
  if (law.terms.some((term) => term !== base && term.coefficient !== 0 && term.law.addTo !== undefined))
    return { single: wholeWeights(law, base, inRow, vocabSize, temperature), common: nobody }
  const ids = [...knownIds(law, base)].filter((id) => !inRow.has(id) && id < vocabSize)
  const single = Float64Array.from(ids, (id) => exponentAtMost(law, id, base) / temperature)
  const count = vocabSize - inRow.size - ids.length
  const value = count > 0 ? unknownExponentAtMost(law, base) / temperature : Number.NEGATIVE_INFINITY
  return { single, common: { value, count } }
}

const nobody = { value: Number.NEGATIVE_INFINITY, count: 0 } as const

/** With a term that knows all of the vocabulary: one pass for each term, and the tokens that are not outside taken out. */
function wholeWeights(
  law: TiltedLaw,
  base: TermLaw,
  inRow: ReadonlySet<number>,
  vocabSize: number,
  temperature: number,
): Float64Array {
  const whole = law.terms.filter((term) => term !== base && term.coefficient !== 0 && term.law.addTo !== undefined)
  const others = { ...law, terms: law.terms.filter((term) => !whole.includes(term)) }
  const weights = new Float64Array(vocabSize).fill(unknownExponentAtMost(others, base))
  for (const id of knownIds(others, base)) if (id < vocabSize) weights[id] = exponentAtMost(others, id, base)
  for (const term of whole) term.law.addTo!(weights, term.coefficient)
  for (const id of inRow) if (id < vocabSize) weights[id] = Number.NEGATIVE_INFINITY
  if (temperature !== 1) for (let id = 0; id < vocabSize; id++) weights[id]! /= temperature
  return weights
}

function knownIds({ terms, shifts }: TiltedLaw, base: TermLaw): Set<number> {
  const ids = new Set(shifts.keys())
  for (const term of terms) if (term !== base) for (const id of term.law.ids ?? []) ids.add(id)
  return ids
}

/** Log of the largest sum of p^power * weight over p with sum at most `rest` and each at most `cap`. */
function filledMass({ single, common }: Outside, power: number, rest: number, cap: number): number {
  if (maximum(single) === Number.POSITIVE_INFINITY || common.value === Number.POSITIVE_INFINITY)
    return Number.POSITIVE_INFINITY
  if (power >= 1) return greedyFill(single, common, rest, cap) + (power - 1) * Math.log(cap)
  const total = logSumExp([logSumExp(single), common.value + Math.log(common.count)])
  const capped = power * Math.log(cap) + total
  if (power === 0) return total
  // Hoelder: sum p^a w <= (sum p)^a (sum w^(1/(1-a)))^(1-a)
  const scaled = logSumExp([
    logSumExp(single.map((weight) => weight / (1 - power))),
    common.value / (1 - power) + Math.log(common.count),
  ])
  return Math.min(capped, power * Math.log(rest) + (1 - power) * scaled)
}

function greedyFill(all: Float64Array, common: Outside['common'], rest: number, cap: number): number {
  const single = largest(all, Math.ceil(rest / cap) + 1)
  const parts: number[] = []
  let left = rest
  let next = 0
  let others = common.count
  while (left > 0 && (next < single.length || others > 0)) {
    const fromOthers = others > 0 && (next >= single.length || common.value >= single[next]!)
    const mass = Math.min(left, fromOthers ? cap * others : cap)
    parts.push(Math.log(mass) + (fromOthers ? common.value : single[next]!))
    if (fromOthers) others = 0
    else next++
    left -= mass
  }
  return logSumExp(parts)
}

function maximum(values: ArrayLike<number>): number {
  let max = Number.NEGATIVE_INFINITY
  for (let i = 0; i < values.length; i++) if (values[i]! > max) max = values[i]!
  return max
}

export function logSumExp(values: ArrayLike<number>): number {
  const max = maximum(values)
  if (!Number.isFinite(max)) return max
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += Math.exp(values[i]! - max)
  return max + Math.log(sum)
}
