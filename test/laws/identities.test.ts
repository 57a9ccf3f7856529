import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { drawFromLogits } from '../../src/decoding/sampler.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { selectionScratch } from '../../src/decoding/top-logits.ts'
import type { GuideCatalogue, GuideDefinition } from '../../src/guidance/guide-catalogue.ts'
import { assertLaw, lawOfRow, softmax } from '../sampling/law-of-draw.ts'
import { samplingParams } from '../sampling/params.ts'
import { mixedRow } from './toy-decoder.ts'
import { type ToyModel, type ToyModels, tableModel } from './toy-models.ts'
import { aligned } from './toy-request.ts'

/** Numbers as in shared algorithms.md, section 1.2: identities I1 to I11. */
const row = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 4, maxLength: 4 })
const alpha = fc.double({ min: -2, max: 2, noNaN: true }).filter((value) => Math.abs(value) > 1e-3)

/** The law of base logits b with guides a_1, a_2, ... as GenARM guides in the plain form, through alignment, mix and sampler. */
function law(
  b: number[],
  guides: [a: number[], weight: number][],
  params: Partial<SamplingParams> = {},
  compat?: string,
): number[] {
  const models: ToyModels = new Map(
    [b, ...guides.map(([a]) => a)].map((logits, i): [string, ToyModel] => [
      i === 0 ? 'base' : `g${i}`,
      { logits: () => Float64Array.from(logits) },
    ]),
  )
  const catalogue: GuideCatalogue = {
    guides: new Map(
      guides.map((_, i): [string, GuideDefinition] => [
        `g${i + 1}`,
        { kind: 'genarm', model: `g${i + 1}`, adapter: undefined, template: 'base' },
      ]),
    ),
    objectives: new Map(),
  }
  const options = {
    guides: guides.map(([, weight], i) => ({ guide: `g${i + 1}`, weight, form: 'plain' })),
    ...(compat === undefined ? {} : { compat }),
  }
  const { terms } = aligned(options, { catalogue })
  return lawOfRow(mixedRow(terms, [], models), samplingParams(params))
}

const logs = (...p: number[]) => p.map(Math.log)
const plus = (values: readonly number[], constant: number) => values.map((value) => value + constant)
const times = (values: readonly number[], factor: number) => values.map((value) => value * factor)

test('I1: weight 0 is the base, bit for bit, and costs no term', () => {
  fc.assert(
    fc.property(row, row, (b, a) => {
      assert.deepEqual(law(b, [[a, 0]]), law(b, []))
    }),
  )
  assert.equal(
    aligned({
      guides: [
        { guide: 'positive', weight: 0 },
        { guide: 'proxy', weight: 0 },
      ],
    }).terms.length,
    1,
  )
  assert.deepEqual(aligned({ guides: [{ guide: 'positive', weight: 0 }] }), aligned({}))
})

test('I2: constants added to any logits change nothing, so logits serve as log-probabilities', () => {
  fc.assert(
    fc.property(row, row, alpha, (b, a, w) => {
      assertLaw(law(plus(b, 3), [[plus(a, -7), w]]), law(b, [[a, w]]), 1e-10)
      assertLaw(law(softmax(b).map(Math.log), [[softmax(a).map(Math.log), w]]), law(b, [[a, w]]), 1e-10)
    }),
  )
})

test('I3: the base as its own guide is the base at temperature 1 / (1 + weight): sharpening', () => {
  fc.assert(
    fc.property(row, fc.double({ min: 0.01, max: 3, noNaN: true }), (b, w) => {
      assertLaw(law(b, [[b, w]]), law(b, [], { temperature: 1 / (1 + w) }), 1e-10)
    }),
  )
})

test('I4: a uniform guide changes nothing', () => {
  fc.assert(fc.property(row, alpha, (b, w) => assertLaw(law(b, [[[0, 0, 0, 0], w]]), law(b, []), 1e-10)))
})

test('I5: order is irrelevant and equal guides add up', () => {
  fc.assert(
    fc.property(row, row, row, alpha, alpha, (b, a1, a2, w1, w2) => {
      assertLaw(
        law(b, [
          [a1, w1],
          [a2, w2],
        ]),
        law(b, [
          [a2, w2],
          [a1, w1],
        ]),
        1e-10,
      )
      assertLaw(
        law(b, [
          [a1, w1],
          [a1, w2],
        ]),
        law(b, [[a1, w1 + w2]]),
        1e-10,
      )
    }),
  )
})

test('I5 in terms: equal contexts are merged into one coefficient', () => {
  const twice = aligned({
    guides: [
      { guide: 'positive', weight: 0.25 },
      { guide: 'positive', weight: 0.5 },
    ],
  })
  assert.deepEqual(twice, aligned({ guides: [{ guide: 'positive', weight: 0.75 }] }))
})

test('I6: the normalised convention at temperature 1 / (1 + weight) is the plain law', () => {
  fc.assert(
    fc.property(row, row, fc.double({ min: -0.9, max: 3, noNaN: true }), (b, a, w) => {
      assertLaw(law(b, [[a, w]], { temperature: 1 / (1 + w) }, 'model_arithmetic'), law(b, [[a, w]]), 1e-9)
    }),
  )
})

test('I7: at temperature T the exponents are 1/T and weight/T', () => {
  fc.assert(
    fc.property(row, row, alpha, fc.constantFrom(0.5, 0.7, 1.9), (b, a, w, temperature) => {
      assertLaw(law(b, [[a, w]], { temperature }), law(times(b, 1 / temperature), [[a, w / temperature]]), 1e-10)
    }),
  )
})

test('I8: log-odds add', () => {
  fc.assert(
    fc.property(row, row, alpha, (b, a, w) => {
      const q = law(times(b, 0.5), [[times(a, 0.5), w]])
      const odds = Math.log(q[1]!) - Math.log(q[0]!)
      assert.ok(Math.abs(odds - 0.5 * (b[1]! - b[0]! + w * (a[1]! - a[0]!))) < 1e-9)
    }),
  )
})

test('I9: q = p g / Z with Z = E_p[g], and KL(q, p) = E_q[log g] - log Z', () => {
  fc.assert(
    fc.property(row, row, alpha, (b, a, w) => {
      const p = softmax(b)
      const g = softmax(a).map((value) => value ** w)
      const z = p.reduce((sum, value, v) => sum + value * g[v]!, 0)
      const q = law(b, [[a, w]])
      assertLaw(
        q,
        p.map((value, v) => (value * g[v]!) / z),
        1e-10,
      )
      const kl = q.reduce((sum, value, v) => sum + value * Math.log(value / p[v]!), 0)
      const meanLogG = q.reduce((sum, value, v) => sum + value * Math.log(g[v]!), 0)
      assert.ok(Math.abs(kl - (meanLogG - Math.log(z))) < 1e-9)
    }),
  )
})

test("I10: a growing weight concentrates on the guide's favourites within the base's support", () => {
  const no = Number.NEGATIVE_INFINITY
  assertLaw(law([Math.log(0.2), Math.log(0.6), Math.log(0.2), no], [[[0, 3, 3, 9], 100]]), [0, 0.75, 0.25, 0], 1e-12)
})

test('I11: top_k of at least the vocabulary and top_p of 1 do nothing', () => {
  fc.assert(fc.property(row, (b) => assertLaw(law(b, [], { topK: 4, topP: 1 }), law(b, []))))
})

test('golden: one guide, p = (.5, .3, .2), guide (.1, .6, .3)', () => {
  const p = logs(0.5, 0.3, 0.2)
  const g = logs(0.1, 0.6, 0.3)
  assertLaw(law(p, [[g, 0]]), [0.5, 0.3, 0.2])
  assertLaw(law(p, [[g, 0.5]]), [0.316204117, 0.464723245, 0.219072638], 1e-9)
  assertLaw(law(p, [[g, 1]]), [0.172413793, 0.620689655, 0.206896552], 1e-9)
  assertLaw(law(p, [[g, 2]]), [0.038167939, 0.824427481, 0.13740458], 1e-9)
  assertLaw(law(p, [[g, 1]], { temperature: 0.5 }), [0.064935065, 0.841558442, 0.093506494], 1e-9)
})

test("golden: two guides, plain and in the convention of GenARM's engine", () => {
  const p = logs(0.5, 0.3, 0.2)
  const g1 = logs(0.1, 0.6, 0.3)
  const g2 = logs(0.3, 0.3, 0.4)
  assertLaw(
    law(p, [
      [g1, 0.2],
      [g2, 4],
    ]),
    [0.291253815, 0.250065122, 0.458681063],
    1e-9,
  )
  assertLaw(law(p, [[g1, 1]], {}, 'model_arithmetic'), [0.250450077, 0.47519561, 0.274354313], 1e-9)
})

test('golden: the local token tilt of two tokens, and how it differs from the global one', () => {
  const base = tableModel({ '': [0.6, 0.4], '0': [0.5, 0.5], '1': [0.9, 0.1] })
  const guide = tableModel({ '': [0.5, 0.5], '0': [0.2, 0.8], '1': [0.9, 0.1] })
  const models: ToyModels = new Map([
    ['base', base],
    ['arm', guide],
  ])
  const { terms } = aligned({ guides: [{ guide: 'arm' }] })
  const next = (prefix: number[]) => lawOfRow(mixedRow(terms, prefix, models), samplingParams())
  const local = [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].map(([a, b]) => next([])[a!]! * next([a!])[b!]!)
  assertLaw(local, [0.12, 0.48, 0.395121951, 0.004878049], 1e-9)
  const product = [0.6 * 0.5 * 0.5 * 0.2, 0.6 * 0.5 * 0.5 * 0.8, 0.4 * 0.9 * 0.5 * 0.9, 0.4 * 0.1 * 0.5 * 0.1]
  const z = product.reduce((a, b) => a + b, 0)
  assertLaw(
    product.map((value) => value / z),
    [0.095541401, 0.382165605, 0.515923567, 0.006369427],
    1e-9,
  )
  assert.ok(Math.abs(z - 0.314) < 1e-12)
})

test('greedy follows the largest sum, whatever constants the steps add', () => {
  fc.assert(
    fc.property(row, row, alpha, (b, a, w) => {
      const sums = b.map((value, v) => value + w * a[v]!)
      const [best, second] = [...sums].sort((one, other) => other - one)
      // Closer than rounding, either token would be right.
      fc.pre(best! - second! > 1e-9)
      const shifted = aligned({ guides: [{ guide: 'arm', weight: w, form: 'plain' }] }).terms
      const models: ToyModels = new Map([
        ['base', { logits: () => Float64Array.from(plus(b, 3)) }],
        ['arm', { logits: () => Float64Array.from(plus(a, -7)) }],
      ])
      const mixed = mixedRow(shifted, [], models)
      for (const u of [0, 0.5, 1 - 2 ** -53]) {
        const draw = drawFromLogits(mixed, samplingParams({ temperature: 0 }), u, selectionScratch(4))
        assert.equal(draw.id, sums.indexOf(best!))
        assert.ok(Math.abs(draw.logprob - Math.log(softmax(sums)[draw.id]!)) < 1e-9)
      }
    }),
  )
})
