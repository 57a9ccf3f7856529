import type { LogitTerm } from '../decoding/decoder.ts'
import { InvalidRequestError } from '../decoding/errors.ts'
import type { AlignmentOptions } from './alignment-options.ts'
import { contrast } from './contrast.ts'
import { genarm } from './genarm.ts'
import type { GuideCatalogue } from './guide-catalogue.ts'
import { type GuideReading, mergeTerms } from './merge-terms.ts'
import { principle } from './principle.ts'
import type { ModelDirectory, PromptSource } from './prompt-source.ts'
import type { Tilt } from './tilt.ts'
import { unir } from './unir.ts'
import { type WeightedGuide, weightedGuides } from './weighted-guide.ts'

/** What a request's sequences are drawn from: softmax((baseWeight * log p_base + sum of weight_k * a_k) / temperature). */
export interface Alignment {
  /** Kinds of guides at work, such as "genarm+principle"; "base" without any. */
  readonly method: string
  readonly terms: readonly LogitTerm[]
  /** How to read each guide's a_k and its weight; empty unless a trace was asked for. */
  readonly readings: readonly GuideReading[]
  /** 1, except under a compat convention. */
  readonly baseWeight: number
}

/**
 * The one place that maps the request's `alignment` to terms of logits. Guides of weight 0 are skipped completely.
 * @param options a policy, if one was named, already laid under them
 * @throws InvalidRequestError naming the field: unknown names, guides that do not fit the model or the prompt
 */
export function align(
  options: AlignmentOptions,
  catalogue: GuideCatalogue,
  prompt: PromptSource,
  models: ModelDirectory,
): Alignment {
  const active = weightedGuides(options, catalogue).filter(({ weight }) => weight !== 0)
  const tilts = active.map((guide) => {
    const tilt = tiltOf(guide, catalogue, prompt, models)
    assertFits(guide, tilt, prompt.base.model, models)
    return tilt
  })
  const { terms, readings } = mergeTerms(prompt.base, uniquelyNamed(tilts), options.trace === true)
  const method = [...new Set(active.map(({ definition }) => definition.kind))].sort().join('+') || 'base'
  const baseWeight = options.compat === undefined ? 1 : 1 / coefficientSum(terms)
  return {
    method,
    terms: terms.map((term) => ({ ...term, coefficient: term.coefficient * baseWeight })),
    readings: readings.map((reading) => ({ ...reading, weight: reading.weight * baseWeight })),
    baseWeight,
  }
}

function tiltOf(guide: WeightedGuide, catalogue: GuideCatalogue, prompt: PromptSource, models: ModelDirectory): Tilt {
  const { definition } = guide
  switch (definition.kind) {
    case 'genarm':
      return genarm(guide, definition, prompt, models)
    case 'unir':
      return unir(guide, definition, prompt)
    case 'contrast':
      return contrast(guide, definition, prompt, models, catalogue)
    case 'principle':
      return principle(guide, definition, prompt, models)
  }
}

function assertFits(guide: WeightedGuide, tilt: Tilt, base: string, models: ModelDirectory): void {
  for (const { context } of tilt.parts) {
    if (context.model === base || models.sharesVocabulary(base, context.model)) continue
    throw new InvalidRequestError(
      `'${guide.name}' cannot guide '${base}': '${context.model}' has another vocabulary.`,
      guide.param,
    )
  }
}

/** The trace is keyed by name; a guide can be asked for in two forms, and a principle can read like a guide's name. */
function uniquelyNamed(tilts: readonly Tilt[]): readonly Tilt[] {
  const taken = new Set<string>()
  return tilts.map((tilt) => {
    const name = freeName(tilt.name, taken)
    taken.add(name)
    return { ...tilt, name }
  })
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let free = name
  for (let use = 2; taken.has(free); use++) free = `${name} (${use})`
  return free
}

/** model_arithmetic divides by the sum of all weights, base included (language-model-arithmetic, arXiv 2311.14479). */
function coefficientSum(terms: readonly LogitTerm[]): number {
  const sum = terms.reduce((total, { coefficient }) => total + coefficient, 0)
  if (sum > 1e-9) return sum
  throw new InvalidRequestError(
    `compat 'model_arithmetic' divides by the sum of all weights, the base's 1 included, which is ${sum} here and must be positive.`,
    'alignment.compat',
  )
}
