import type { LogitTerm } from '../decoding/decoder.ts'
import type { TermContext, Tilt } from './tilt.ts'

/** How to read a guide's own contribution off the log-probabilities of a sequence's terms. */
export interface GuideReading {
  readonly name: string
  readonly weight: number
  /** a(y) = sum of coefficient * log-probability of y in term number `term`. */
  readonly combination: readonly { readonly term: number; readonly coefficient: number }[]
}

export interface MergedTerms {
  /** terms[0] is the base; its coefficient may be 0. */
  readonly terms: readonly LogitTerm[]
  readonly readings: readonly GuideReading[]
}

/**
 * Base plus tilts as terms with one coefficient per context: equal contexts (model, adapter, prompt ids) are decoded once.
 * Contexts that cancel out are dropped, and with them the readings.
 * @param traced keep cancelled contexts (at coefficient 0) and say how to read each guide's contribution
 */
export function mergeTerms(base: TermContext, tilts: readonly Tilt[], traced: boolean): MergedTerms {
  const merged = new ContextSum()
  merged.add(base, 1)
  for (const { weight, parts } of tilts) {
    for (const { context, sign } of parts) merged.add(context, sign * weight)
  }
  if (traced) return { terms: merged.terms, readings: tilts.map((tilt) => readingOf(tilt, merged)) }
  return { terms: merged.terms.filter(({ coefficient }, index) => index === 0 || coefficient !== 0), readings: [] }
}

function readingOf({ name, weight, parts }: Tilt, merged: ContextSum): GuideReading {
  const combination = parts.map(({ context, sign }) => ({ term: merged.indexOf(context), coefficient: sign }))
  return { name, weight, combination }
}

/** Contexts in order of appearance, each with the sum of what was added to it. */
class ContextSum {
  readonly #contexts: TermContext[] = []
  readonly #coefficients: number[] = []
  /** Sums of absolute values: what the rounding error of a coefficient is relative to. */
  readonly #magnitudes: number[] = []

  add(context: TermContext, coefficient: number): void {
    let index = this.indexOf(context)
    if (index === -1) index = this.#contexts.push(context) - 1
    this.#coefficients[index] = (this.#coefficients[index] ?? 0) + coefficient
    this.#magnitudes[index] = (this.#magnitudes[index] ?? 0) + Math.abs(coefficient)
  }

  indexOf(context: TermContext): number {
    return this.#contexts.findIndex((known) => isSameContext(known, context))
  }

  get terms(): LogitTerm[] {
    return this.#contexts.map((context, index) => ({ ...context, coefficient: this.#coefficient(index) }))
  }

  #coefficient(index: number): number {
    const sum = this.#coefficients[index]!
    // 0.1 + 0.2 - 0.3 is not 0 in binary, but it should not cost a forward pass either.
    return Math.abs(sum) <= 1e-12 * this.#magnitudes[index]! ? 0 : sum
  }
}

function isSameContext(a: TermContext, b: TermContext): boolean {
  if (a.model !== b.model || a.adapter !== b.adapter) return false
  if (a.promptIds === b.promptIds) return true
  return a.promptIds.length === b.promptIds.length && a.promptIds.every((id, i) => id === b.promptIds[i])
}
