import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ChatMessage } from '../../src/decoding/checkpoint/chat-template.ts'
import type { LogitTerm, TokenAlternative } from '../../src/decoding/decoder.ts'
import { type LocalEngine, openEngine } from '../../src/decoding/local/engine.ts'
import type { ModelSpec } from '../../src/decoding/local/engine-options.ts'
import { uniform } from '../../src/decoding/rng.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { align } from '../../src/guidance/alignment.ts'
import type { GuideCatalogue, GuideDefinition } from '../../src/guidance/guide-catalogue.ts'
import type { TermContext } from '../../src/guidance/tilt.ts'
import { modelDirectory } from '../../src/server/model-directory.ts'
import { temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'
import { writeTinyAdapter } from '../checkpoint/tiny-adapter.ts'
import { engineOptions } from '../local/toy-engine.ts'
import { samplingParams } from '../sampling/params.ts'
import { parsed } from './toy-request.ts'

/** The same products as in method-laws.test.ts, but multiplied where requests are: in the engine's graph, over real (random) models. */
const engine = await openToyFamily()
after(() => engine.close())

const messages: readonly ChatMessage[] = [{ role: 'user', content: 'Is the tea hello?' }]
const directory = modelDirectory(engine.models)
const render = (given: readonly ChatMessage[]) => directory.renderAndEncode('base', given)
const base: TermContext = { model: 'base', adapter: undefined, promptIds: render(messages) }
const one = { ...base, adapter: 'one' }
const two = { ...base, adapter: 'two' }
const module = { ...base, model: 'module' }
const other = { ...base, model: 'other' }
const briefly = { ...base, promptIds: render([{ role: 'system', content: 'Be brief.' }, ...messages]) }

const arm = (adapter: string): GuideDefinition => ({ kind: 'genarm', model: 'base', adapter, template: 'base' })
const catalogue: GuideCatalogue = {
  guides: new Map<string, GuideDefinition>([
    ['one', arm('one')],
    ['two', arm('two')],
    ['reasoner', { kind: 'unir', model: 'module', adapter: undefined }],
  ]),
  objectives: new Map([['kind', { guide: 'one', scale: 2 }]]),
}

interface LawCase {
  readonly title: string
  readonly alignment: unknown
  readonly product: readonly (readonly [TermContext, number])[]
  readonly temperature?: number
}

const cases: readonly LawCase[] = [
  { title: 'no guide at temperature 0.7', alignment: {}, product: [[base, 1 / 0.7]], temperature: 0.7 },
  {
    title: 'GenARM, one arm',
    alignment: { guides: [{ guide: 'one', weight: 0.8 }] },
    product: [
      [base, 1],
      [one, 0.8],
    ],
  },
  {
    title: 'GenARM, two arms',
    alignment: {
      guides: [
        { guide: 'one', weight: 0.2 },
        { guide: 'two', weight: 4 },
      ],
    },
    product: [
      [base, 1],
      [one, 0.2],
      [two, 4],
    ],
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
    title: 'contrast of two models',
    alignment: { guides: [{ contrast: ['module', 'other'], weight: 1.5 }] },
    product: [
      [base, 1],
      [module, 1.5],
      [other, -1.5],
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
    alignment: { guides: [{ principle: 'Be brief.' }] },
    product: [[briefly, 1]],
  },
  {
    title: 'relative form',
    alignment: { guides: [{ guide: 'one', weight: -1 }] },
    product: [
      [base, 2],
      [one, -1],
    ],
  },
  {
    title: 'preferences',
    alignment: { preferences: { kind: 0.3 } },
    product: [
      [base, 1],
      [one, 0.6],
    ],
  },
  {
    title: 'compat model_arithmetic',
    alignment: {
      guides: [
        { guide: 'one', weight: 1 },
        { guide: 'two', weight: 2 },
      ],
      compat: 'model_arithmetic',
    },
    product: [
      [base, 1 / 4],
      [one, 1 / 4],
      [two, 2 / 4],
    ],
  },
  {
    title: 'everything at once at temperature 1.6',
    alignment: {
      guides: [
        { guide: 'one', weight: 0.5 },
        { guide: 'reasoner', weight: 0.7 },
        { contrast: ['module', 'other'], weight: 0.3 },
        { principle: 'Be brief.', weight: 1.2 },
      ],
    },
    product: [
      [base, (1 - 1.2) / 1.6],
      [one, 0.5 / 1.6],
      [module, (0.7 + 0.3) / 1.6],
      [other, -0.3 / 1.6],
      [briefly, 1.2 / 1.6],
    ],
    temperature: 1.6,
  },
]

for (const { title, alignment, product, temperature = 1 } of cases) {
  test(`${title}: the engine draws from the product of the single contexts' laws`, async () => {
    const { terms } = align(parsed(alignment), catalogue, { base, messages }, directory)
    const whole = await alternatives(terms, { temperature, topLogprobs: vocabularySize })
    const expected = await productLaw(product)
    assert.equal(whole.length, expected.length)
    for (const { id, logprob } of whole) assertNear(logprob, expected[id]!, `token ${id}`)
    // A coin near 0 is the most likely token's, so the graph's own top entries decide.
    const top = await alternatives(terms, { temperature, topLogprobs: 20, seed: lowCoin })
    assert.equal(top.length, 20)
    for (const { id, logprob } of top) assertNear(logprob, expected[id]!, `token ${id}, by the fast path`)
  })
}

test('the contexts say different things, so that no product could pass for another', async () => {
  const laws = await Promise.all([base, one, two, module, other, briefly].map((context) => productLaw([[context, 1]])))
  for (const [i, law] of laws.entries())
    for (const another of laws.slice(i + 1)) {
      const apart = Math.max(...law.map((logprob, id) => Math.abs(logprob - another[id]!)))
      assert.ok(apart > 0.1, `two laws differ by at most ${apart}`)
    }
})

const vocabularySize = 288
const lowCoin = Array.from({ length: 1000 }, (_, seed) => BigInt(seed)).find((seed) => uniform(seed, 0) < 0.005)!

function assertNear(actual: number, expected: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= 1e-4, `${what}: ${actual} instead of ${expected}`)
}

/** log of prod p_k^{w_k}, normalised, from runs of each context alone. */
async function productLaw(product: LawCase['product']): Promise<number[]> {
  const sums: number[] = []
  for (const [context, weight] of product) {
    const alone = await alternatives([{ ...context, coefficient: 1 }], { topLogprobs: vocabularySize })
    for (const { id, logprob } of alone) sums[id] = (sums[id] ?? 0) + weight * logprob
  }
  const max = Math.max(...sums)
  const logZ = max + Math.log(sums.reduce((total, value) => total + Math.exp(value - max), 0))
  return sums.map((value) => value - logZ)
}

/** What the engine reports of the law that it draws the first token from. */
async function alternatives(
  terms: readonly LogitTerm[],
  changes: Partial<SamplingParams>,
): Promise<readonly TokenAlternative[]> {
  const sequence = engine.open({ terms, sampling: samplingParams({ maxTokens: 1, ignoreEos: true, ...changes }) })
  try {
    for await (const { draws } of engine.advance(sequence, 1, new AbortController().signal)) {
      for (const { top } of draws) return top!
    }
    throw new Error('The engine drew no token.')
  } finally {
    engine.release(sequence)
  }
}

/** Three random models with one vocabulary; the base has two adapters. */
async function openToyFamily(): Promise<LocalEngine> {
  const folder = temporaryFolder()
  const specs = ['base', 'module', 'other'].map((name, index): ModelSpec => {
    writeTinyCheckpoint(join(folder, name), {}, { seed: index + 1 })
    return { name, source: join(folder, name), weights: 'fp32', adapters: [], contextLength: undefined }
  })
  writeTinyAdapter(join(folder, 'one'))
  writeTinyAdapter(join(folder, 'two'), { config: { lora_alpha: -20 } })
  const adapters = ['one', 'two'].map((name) => ({ name, source: join(folder, name) }))
  const [first, ...rest] = specs
  return await openEngine([{ ...first!, adapters }, ...rest], engineOptions(folder), () => {})
}
