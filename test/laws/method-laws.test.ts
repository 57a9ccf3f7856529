import { test } from 'node:test'
import type { LogitTerm } from '../../src/decoding/decoder.ts'
import type { TermContext } from '../../src/guidance/tilt.ts'
import { assertLaw, lawOfRow, softmax } from '../sampling/law-of-draw.ts'
import { samplingParams } from '../sampling/params.ts'
import { mixedRow } from './toy-decoder.ts'
import { toyDirectory } from './toy-models.ts'
import { aligned, messages, prompt, scrambled } from './toy-request.ts'

const render = toyDirectory(scrambled).renderAndEncode
const base = prompt.base
const positive = { ...base, adapter: 'positive' }
const formal = { ...base, adapter: 'formal' }
const arm = { ...base, model: 'arm' }
const ownArm = { ...arm, promptIds: render('arm', messages) }
const module = { ...base, model: 'module' }
const tuned = { ...base, model: 'tuned' }
const untuned = { ...base, model: 'untuned' }
const briefly = { ...base, promptIds: render('base', [{ role: 'system', content: 'Be brief.' }, ...messages]) }

/** Each request beside the product of probabilities it stands for, written out by hand. */
const laws: { title: string; alignment: unknown; product: [TermContext, number][]; temperature?: number }[] = [
  { title: 'no guide', alignment: {}, product: [[base, 1]] },
  {
    title: 'GenARM, one adapter',
    alignment: { guides: [{ guide: 'positive', weight: 0.8 }] },
    product: [
      [base, 1],
      [positive, 0.8],
    ],
  },
  {
    title: 'GenARM, own model and template',
    alignment: { guides: [{ guide: 'own-arm' }] },
    product: [
      [base, 1],
      [ownArm, 1],
    ],
  },
  {
    title: 'GenARM, three arms',
    alignment: {
      guides: [
        { guide: 'positive', weight: 0.2 },
        { guide: 'formal', weight: 4 },
        { guide: 'arm', weight: 0.5 },
      ],
    },
    product: [
      [base, 1],
      [positive, 0.2],
      [formal, 4],
      [arm, 0.5],
    ],
  },
  {
    title: 'GenARM, negative weight, relative by default',
    alignment: { guides: [{ guide: 'positive', weight: -1 }] },
    product: [
      [base, 2],
      [positive, -1],
    ],
  },
  {
    title: 'GenARM, negative weight, plain when asked for',
    alignment: { guides: [{ guide: 'positive', weight: -0.25, form: 'plain' }] },
    product: [
      [base, 1],
      [positive, -0.25],
    ],
  },
  {
    title: 'GenARM, positive weight, relative when asked for',
    alignment: { guides: [{ guide: 'positive', weight: 1, form: 'relative' }] },
    product: [[positive, 1]],
  },
  {
    title: 'UniR',
    alignment: { guides: [{ guide: 'reasoner' }] },
    product: [
      [base, 1],
      [module, 1],
    ],
  },
  {
    title: 'UniR, relative',
    alignment: { guides: [{ guide: 'reasoner', weight: -0.5 }] },
    product: [
      [base, 1.5],
      [module, -0.5],
    ],
  },
  {
    title: 'contrast by models',
    alignment: { guides: [{ contrast: ['tuned', 'untuned'], weight: 1.5 }] },
    product: [
      [base, 1],
      [tuned, 1.5],
      [untuned, -1.5],
    ],
  },
  {
    title: 'contrast by name',
    alignment: { guides: [{ guide: 'proxy', weight: -1 }] },
    product: [
      [base, 1],
      [tuned, -1],
      [untuned, 1],
    ],
  },
  {
    title: 'contrast of a trained guide with the base',
    alignment: { guides: [{ contrast: ['positive', 'base'] }] },
    product: [[positive, 1]],
  },
  {
    title: 'what nearly cancels stays',
    alignment: {
      guides: [
        { guide: 'proxy', weight: 1 },
        { guide: 'proxy', weight: -0.999 },
      ],
    },
    product: [
      [base, 1],
      [tuned, 0.001],
      [untuned, -0.001],
    ],
  },
  {
    title: 'principle',
    alignment: { guides: [{ principle: 'Be brief.', weight: 1.5 }] },
    product: [
      [briefly, 1.5],
      [base, -0.5],
    ],
  },
  {
    title: 'principle at weight 1 is the base so prompted',
    alignment: { guides: [{ guide: 'brief' }] },
    product: [[briefly, 1]],
  },
  {
    title: 'principle avoided',
    alignment: { guides: [{ guide: 'brief', weight: -1 }] },
    product: [
      [base, 2],
      [briefly, -1],
    ],
  },
  {
    title: 'preferences by the mapping of the config',
    alignment: { preferences: { kind: 0.3, sound: 0.7 } },
    product: [
      [base, 1],
      [positive, 0.6],
      [module, 0.7],
    ],
  },
  {
    title: 'everything at once',
    alignment: {
      guides: [
        { guide: 'positive', weight: 0.5 },
        { guide: 'reasoner', weight: 0.7 },
        { guide: 'proxy', weight: 0.3 },
        { guide: 'brief', weight: 1.2 },
      ],
      preferences: { kind: -0.1 },
    },
    product: [
      [base, 1 - 1.2 + 0.2],
      [positive, 0.5 - 0.2],
      [module, 0.7],
      [tuned, 0.3],
      [untuned, -0.3],
      [briefly, 1.2],
    ],
  },
  {
    title: 'compat model_arithmetic divides by 1 + the sum of weights',
    alignment: {
      guides: [
        { guide: 'positive', weight: 1 },
        { guide: 'formal', weight: 2 },
      ],
      compat: 'model_arithmetic',
    },
    product: [
      [base, 1 / 4],
      [positive, 1 / 4],
      [formal, 2 / 4],
    ],
  },
  {
    title: "compat at GenARM's temperature 1 / (1 + sum) is the paper's law",
    alignment: {
      guides: [
        { guide: 'positive', weight: 1 },
        { guide: 'formal', weight: 2 },
      ],
      compat: 'model_arithmetic',
    },
    temperature: 1 / 4,
    product: [
      [base, 1],
      [positive, 1],
      [formal, 2],
    ],
  },
  {
    title: 'temperature divides every exponent (I7)',
    alignment: { guides: [{ guide: 'positive', weight: 0.8 }] },
    temperature: 0.5,
    product: [
      [base, 2],
      [positive, 1.6],
    ],
  },
]

for (const { title, alignment, product, temperature = 1 } of laws) {
  test(`${title}: every next-token law, by enumeration`, () => {
    const { terms } = aligned(alignment)
    for (const prefix of prefixes(3, 2)) {
      const actual = lawOfRow(mixedRow(terms, prefix, scrambled), samplingParams({ temperature }))
      assertLaw(actual, productLaw(product, prefix))
    }
  })
}

/** prod p_k^{w_k}, normalised, from probabilities (not logits) of each context alone. */
function productLaw(product: readonly [TermContext, number][], prefix: readonly number[]): number[] {
  const alone = product.map(([context]) => softmax(scrambled.get(context.model)!.logits(context, prefix)))
  const weights = alone[0]!.map((_, v) => product.reduce((value, [, w], k) => value * alone[k]![v]! ** w, 1))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}

function prefixes(vocabSize: number, longest: number): number[][] {
  const found: number[][] = [[]]
  for (const prefix of found) {
    if (prefix.length < longest) for (let v = 0; v < vocabSize; v++) found.push([...prefix, v])
  }
  return found
}

test('the sequence law is the product of the locally normalised token laws', () => {
  const { terms } = aligned({ guides: [{ guide: 'positive', weight: 0.8 }, { guide: 'reasoner' }] })
  const product: [TermContext, number][] = [
    [base, 1],
    [positive, 0.8],
    [module, 1],
  ]
  const leaves = prefixes(3, 3).filter(({ length }) => length === 3)
  const sequenceLaw = (law: (prefix: number[]) => number[]) =>
    leaves.map((y) => y.reduce((p, v, t) => p * law(y.slice(0, t))[v]!, 1))
  const actual = sequenceLaw((prefix) => lawOf(terms, prefix))
  assertLaw(
    actual,
    sequenceLaw((prefix) => productLaw(product, prefix)),
  )
})

function lawOf(terms: readonly LogitTerm[], prefix: readonly number[]): number[] {
  return lawOfRow(mixedRow(terms, prefix, scrambled), samplingParams())
}
