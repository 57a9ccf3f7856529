import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'
import { type KnownLaw, reportedLaw, wholeLaw } from '../../src/decoding/upstream/known-law.ts'
import { positionLaw } from '../../src/decoding/upstream/position-law.ts'
import type { TermLaw } from '../../src/decoding/upstream/tilted-law.ts'
import { normalised } from './double-engine.ts'

const size = 9

const tenths = (min: number, max: number) => fc.integer({ min, max }).map((tenth) => tenth / 10)

const laws = fc
  .record({
    logits: fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: size, maxLength: size }),
    sharpness: fc.constantFrom(0.5, 2, 6),
  })
  .map(({ logits, sharpness }) => normalised(logits.map((logit) => (sharpness * logit) / 1000)))

/** What is known of a guide: all of it, what it was asked for, or its most likely tokens. */
const guides = fc.record({
  logprobs: laws,
  coefficient: fc.oneof(fc.constantFrom(1, 0.5, -1, 0), tenths(-20, 30)),
  knows: fc.constantFrom('all', 'all', 'asked', 'ranked'),
  most: fc.integer({ min: 1, max: size }),
})

const settings = fc.record({
  temperature: fc.constantFrom(0, 0.3, 1, 1, 1.5),
  topK: fc.option(fc.integer({ min: 1, max: size + 2 }), { nil: undefined }),
  topP: fc.constantFrom(1, 1, 0.9, 0.5),
  minP: fc.constantFrom(0, 0, 0.05, 0.4),
})

const input = fc.record({
  base: laws,
  baseCoefficient: fc.oneof(fc.constantFrom(1, 1, 0, 2), tenths(-10, 30)),
  guides: fc.array(guides, { minLength: 1, maxLength: 3 }),
  shifts: fc.dictionary(fc.integer({ min: 0, max: size - 1 }).map(String), tenths(-30, 60), {
    maxKeys: 3,
  }),
  reported: fc.integer({ min: 1, max: size }),
  sampling: settings,
})

const mostLikely = (logprobs: readonly number[]): number[] =>
  logprobs.map((_, id) => id).sort((a, b) => logprobs[b]! - logprobs[a]! || a - b)

const rowOf = (logprobs: readonly number[], ids: readonly number[]) => ({
  ids,
  logprobs: ids.map((id) => logprobs[id]!),
})

/** The sampler written out: temperature, top_k, top_p, min_p over exponents, -Infinity for what is left out. */
function sampled(exponents: readonly number[], { temperature, topK, topP, minP }: SamplingParams): number[] {
  const ranked = mostLikely(exponents)
  const best = exponents[ranked[0]!]!
  if (temperature === 0) return exponents.map((_, id) => (id === ranked[0] ? 1 : 0))
  const weights = exponents.map((exponent) => Math.exp((exponent - best) / temperature))
  const sum = (ids: readonly number[]) => ids.reduce((total, id) => total + weights[id]!, 0)
  const within = ranked.slice(0, topK)
  const nucleus = within.findIndex((_, i) => sum(within.slice(0, i + 1)) >= topP * sum(within))
  const kept = within
    .slice(0, topP < 1 ? nucleus + 1 : undefined)
    .filter((id, i) => weights[id]! > 0 && (i === 0 || weights[id]! >= minP))
  return exponents.map((_, id) => (kept.includes(id) ? weights[id]! / sum(kept) : 0))
}

test('what is reported is never below the total variation to the whole vocabulary: any coefficients, biases, filters, partial guides', () => {
  const counts = { certain: 0, between: 0, nothing: 0 }
  fc.assert(
    fc.property(input, ({ base, baseCoefficient, guides, shifts: shifted, reported, sampling: asked }) => {
      const row = rowOf(base, mostLikely(base).slice(0, reported))
      const knownOf = ({ logprobs, knows, most }: (typeof guides)[number]): KnownLaw => {
        if (knows === 'all') return wholeLaw(Float64Array.from(logprobs, (logprob) => logprob + 2))
        return knows === 'asked'
          ? reportedLaw(rowOf(logprobs, row.ids), false)
          : reportedLaw(rowOf(logprobs, mostLikely(logprobs).slice(0, most)), true)
      }
      const drafting: TermLaw = { coefficient: baseCoefficient, law: reportedLaw(row, true) }
      const others = guides.map((guide) => ({ coefficient: guide.coefficient, law: knownOf(guide) }))
      const known = row.ids.filter((id) =>
        others.every(({ coefficient, law }) => coefficient === 0 || law.score(id) !== undefined),
      )
      fc.pre(known.length > 0)
      const sampling = { ...plainSampling, seed: 0n, maxTokens: 1, ...asked }
      const shifts = new Map(Object.entries(shifted).map(([id, shift]) => [Number(id), shift]))
      const rules = { sampling, draftsWithin: undefined, support: reported, vocabSize: size }
      const law = positionLaw({ terms: [drafting, ...others], shifts }, drafting, row, rules)
      const exponents = base.map((logprob, id) =>
        guides.reduce(
          (sum, guide) => sum + guide.coefficient * guide.logprobs[id]!,
          baseCoefficient * logprob + (shifts.get(id) ?? 0),
        ),
      )
      // which of equals a filter keeps is a matter of rounding
      const ranked = mostLikely(exponents).map((id) => exponents[id]!)
      fc.pre(ranked.every((exponent, i) => i === 0 || ranked[i - 1]! - exponent > 1e-6))
      const target = base.map((_, id) => law.target[law.ids.indexOf(id)] ?? 0)
      const distance = (other: readonly number[]) =>
        target.reduce((sum, q, id) => sum + Math.abs(q - other[id]!), 0) / 2
      const within = exponents.map((exponent, id) => (known.includes(id) ? exponent : Number.NEGATIVE_INFINITY))
      assert.ok(distance(sampled(within, sampling)) < 1e-9, 'the target is that on the tokens which all terms know')
      const truth = distance(sampled(exponents, sampling))
      assert.ok(truth <= law.truncation + 1e-9, `${truth} > ${law.truncation}`)
      if (known.length < size) counts[law.truncation === 0 ? 'certain' : law.truncation < 1 ? 'between' : 'nothing']++
    }),
    { numRuns: 6000 },
  )
  for (const [what, count] of Object.entries(counts)) assert.ok(count > 50, `${what}: ${count}`)
})
