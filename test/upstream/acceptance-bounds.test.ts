import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { BlockPosition } from '../../src/decoding/upstream/block-position.ts'
import { reportedLaw, wholeLaw } from '../../src/decoding/upstream/known-law.ts'
import { normalised } from './double-engine.ts'

const size = 7

const tenths = (min: number, max: number) => fc.integer({ min, max }).map((tenth) => tenth / 10)
const laws = fc.array(tenths(-40, 40), { minLength: size, maxLength: size }).map(normalised)

const input = fc.record({
  base: laws,
  baseCoefficient: fc.constantFrom(1, 1, 0, 0.5, 2, -0.5),
  guides: fc.array(fc.record({ logprobs: laws, coefficient: tenths(-20, 30), whole: fc.boolean() }), {
    minLength: 1,
    maxLength: 2,
  }),
  reported: fc.integer({ min: 1, max: size }),
  drafted: fc.nat({ max: size - 1 }),
  temperature: fc.constantFrom(0.4, 1, 1.5),
  bias: fc.tuple(fc.nat({ max: size - 1 }), tenths(-30, 50)),
})

test('bounds of an acceptance hold the acceptance on the whole vocabulary, and often decide', () => {
  let narrow = 0
  fc.assert(
    fc.property(input, ({ base, baseCoefficient, guides, reported, drafted: id, temperature, bias }) => {
      const ids = base
        .map((_, other) => other)
        .sort((a, b) => base[b]! - base[a]! || a - b)
        .slice(0, reported)
      const top = { ids, logprobs: ids.map((other) => base[other]!) }
      // the drafted token is asked for as well
      const asked = [...new Set([...ids, id])]
      const others = guides.map(({ logprobs, whole }) =>
        whole
          ? wholeLaw(Float64Array.from(logprobs))
          : reportedLaw({ ids: asked, logprobs: asked.map((other) => logprobs[other]!) }, false),
      )
      const sampling = { ...plainSampling, seed: 0n, maxTokens: 1, temperature, logitBias: new Map([bias]) }
      const facts = { token: { id, logprob: base[id]!, top }, answer: [], others: [undefined, ...others] }
      const coefficients = [baseCoefficient, ...guides.map(({ coefficient }) => coefficient)]
      const rules = { sampling, support: reported, draftsWithin: undefined, vocabSize: size }
      const widen = () => assert.fail('bounds ask for nothing')
      const widening = { exact: true, mostTop: Number.POSITIVE_INFINITY, widen }
      const position = new BlockPosition(facts, { coefficients, drafting: 0 }, rules, widening)
      const exponents = base.map((logprob, other) =>
        guides.reduce(
          (sum, guide) => sum + guide.coefficient * guide.logprobs[other]!,
          baseCoefficient * logprob + (other === bias[0] ? bias[1] : 0),
        ),
      )
      const target = normalised(exponents.map((exponent) => exponent / temperature))
      const acceptance = Math.min(1, Math.exp(target[id]! - base[id]!))
      const bounds = position.bounds(id)!
      assert.ok(bounds.least <= acceptance + 1e-6, `${bounds.least} > ${acceptance}`)
      assert.ok(bounds.most >= acceptance - 1e-6, `${bounds.most} < ${acceptance}`)
      // where all is reported nothing is left open
      if (reported === size) assert.ok(bounds.most - bounds.least < 1e-4, `${bounds.least} ${bounds.most}`)
      else if (bounds.most - bounds.least < 0.1) narrow++
    }),
    { numRuns: 1500 },
  )
  assert.ok(narrow > 100, `${narrow}`)
})

test('filters and temperature 0 have no bounds: the law decides', () => {
  const row = { ids: [0], logprobs: [Math.log(0.5)] }
  const facts = { token: { id: 0, logprob: Math.log(0.5), top: row }, answer: [], others: [undefined] }
  const widening = { exact: true, mostTop: Number.POSITIVE_INFINITY, widen: () => assert.fail() }
  for (const filter of [
    { topK: 2 },
    { topP: 0.9 },
    { minP: 0.1 },
    { temperature: 0 },
    { trace: true },
    { topLogprobs: 0 },
  ]) {
    const sampling = { ...plainSampling, seed: 0n, maxTokens: 1, ...filter }
    const rules = { sampling, support: 1, draftsWithin: undefined, vocabSize: 2 }
    const position = new BlockPosition(facts, { coefficients: [1], drafting: 0 }, rules, widening)
    assert.equal(position.bounds(0), undefined, JSON.stringify(filter))
  }
})
