import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ChatMessage } from '../../src/decoding/checkpoint/chat-template.ts'
import type { LogitTerm, TokenDraw } from '../../src/decoding/decoder.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import type { EngineOptions, ModelSpec } from '../../src/decoding/local/engine-options.ts'
import { align } from '../../src/guidance/alignment.ts'
import type { GuideEntry } from '../../src/guidance/alignment-options.ts'
import type { GuideCatalogue, GuideDefinition } from '../../src/guidance/guide-catalogue.ts'
import type { TermContext } from '../../src/guidance/tilt.ts'
import { modelDirectory } from '../../src/server/model-directory.ts'
import { realModelCache, smolLm2, tinyAdapters, tinyFolder, tinyModels } from './checkpoints.ts'
import { assertDrawnFrom, SeparateModels } from './offline-law.ts'
import { answer, engineOptions, modelSpec, openQuietly } from './parity-engine.ts'
import { randomAdapterFor, randomModuleFor } from './random-guides.ts'

const bound = 1e-4
const tokens = 32

/** Three weights for three guides; negative ones take the relative form by default. */
const weights = [0.8, -0.5, 1.7] as const

/** A base, what guides it, and the engine that serves them. */
interface Family {
  readonly specs: readonly ModelSpec[]
  readonly options: EngineOptions
  readonly messages: readonly ChatMessage[]
  /** Names of guides by kind; principles are their texts. */
  readonly arms: readonly string[]
  readonly modules: readonly string[]
  readonly contrasts: readonly (readonly [string, string])[]
  readonly principles: readonly string[]
}

const base = 'base'

function tinyFamily(): Family {
  const folder = join(tinyFolder, 'base')
  const trained = tinyAdapters()
  const adapters = [0, 1, 2].map((k) => trained[k]?.folder ?? randomAdapterFor(folder, k))
  const modules = [0, 1, 2].map((k) =>
    k === 0 && tinyModels().includes('reasoner') ? join(tinyFolder, 'reasoner') : randomModuleFor(folder, k),
  )
  return {
    specs: [
      { ...modelSpec(base, folder), adapters: adapters.map((source, k) => ({ name: `arm${k}`, source })) },
      ...modules.map((source, k) => modelSpec(`module${k}`, source)),
    ],
    options: engineOptions(),
    messages: [{ role: 'user', content: 'Write a review of a cafe. '.repeat(20) }],
    arms: ['arm0', 'arm1', 'arm2'],
    modules: ['module0', 'module1', 'module2'],
    contrasts: [
      ['module0', 'module1'],
      ['arm0', base],
      ['module2', 'arm1'],
    ],
    principles: ['be positive', 'short sentences only', 'write a formal review of the cafe'],
  }
}

function smolFamily(folder: string): Family {
  const adapters = [0, 1].map((k) => ({ name: `arm${k}`, source: randomAdapterFor(folder, k) }))
  return {
    // in int8 the engine rounds mixed hidden states, the law recomputed offline each context's own
    specs: [{ ...modelSpec(base, folder, 'fp32'), contextLength: 512, adapters }],
    options: engineOptions({ cacheFolder: realModelCache(), memoryBytes: 2 ** 29 }),
    messages: [{ role: 'user', content: 'Why is the sky blue?' }],
    arms: ['arm0', 'arm1'],
    modules: [],
    contrasts: [['arm0', 'arm1']],
    principles: ['Answer in one short sentence.', 'Speak like a pirate.'],
  }
}

/** The law as the methods define it: every occurrence of every context, nothing merged. */
function lawOf(family: Family, entries: readonly GuideEntry[], contexts: Contexts): LogitTerm[] {
  const law: LogitTerm[] = [{ ...contexts.base, coefficient: 1 }]
  const add = (context: TermContext, coefficient: number) => law.push({ ...context, coefficient })
  for (const { guide, contrast, principle, weight } of entries) {
    if (guide !== undefined) {
      add(contexts.named(guide), weight)
      if (weight < 0) add(contexts.base, -weight)
    }
    if (contrast !== undefined) {
      add(contexts.named(contrast[0]), weight)
      add(contexts.named(contrast[1]), -weight)
    }
    if (principle !== undefined) {
      add(contexts.instructed(family.messages, principle), weight)
      add(contexts.base, -weight)
    }
  }
  return law
}

interface Contexts {
  readonly base: TermContext
  named(name: string): TermContext
  instructed(messages: readonly ChatMessage[], principle: string): TermContext
}

function contextsOf(engine: LocalEngine, family: Family): Contexts {
  const { chatTemplate, tokenizer } = engine.models.get(base)!
  const promptOf = (messages: readonly ChatMessage[]) => tokenizer.encode(chatTemplate!.render(messages), false)
  const promptIds = promptOf(family.messages)
  return {
    base: { model: base, adapter: undefined, promptIds },
    named: (name) => {
      const adapter = family.arms.includes(name) ? name : undefined
      return { model: adapter === undefined ? name : base, adapter, promptIds }
    },
    instructed: (messages, content) => {
      const system: ChatMessage = { role: 'system', content }
      return { model: base, adapter: undefined, promptIds: promptOf([system, ...messages]) }
    },
  }
}

function catalogueOf(family: Family): GuideCatalogue {
  const arms = family.arms.map((name): [string, GuideDefinition] => [
    name,
    { kind: 'genarm', model: base, adapter: name, template: 'base' },
  ])
  const modules = family.modules.map((name): [string, GuideDefinition] => [
    name,
    { kind: 'unir', model: name, adapter: undefined },
  ])
  return { guides: new Map([...arms, ...modules]), objectives: new Map() }
}

function entriesOf(family: Family): Record<string, GuideEntry[]> {
  const weigh = (entries: readonly Omit<GuideEntry, 'weight'>[]): GuideEntry[] =>
    entries.map((entry, k) => ({ ...entry, weight: weights[k]! }))
  return {
    'LoRA guides (GenARM)': weigh(family.arms.map((guide) => ({ guide }))),
    'modules (UniR)': weigh(family.modules.map((guide) => ({ guide }))),
    contrasts: weigh(family.contrasts.map(([tuned, untuned]) => ({ contrast: [tuned, untuned] }))),
    principles: weigh(family.principles.map((principle) => ({ principle }))),
  }
}

/** What each context says of the alternatives makes, by its coefficients, the differences between their log-probabilities. */
function assertReadLike({ id, logprob, top, termLogprobs }: TokenDraw, terms: readonly LogitTerm[]): void {
  const mixed = (logprobs: readonly number[]) =>
    terms.reduce((sum, { coefficient }, k) => sum + coefficient * logprobs[k]!, 0)
  const normaliser = mixed(termLogprobs!) - logprob
  assert.equal(top!.length, 5)
  for (const alternative of top!) {
    assert.ok(Math.abs(mixed(alternative.termLogprobs!) - normaliser - alternative.logprob) < bound)
    if (alternative.id === id) assert.deepEqual(alternative.termLogprobs, termLogprobs)
  }
}

function testFamily(family: Family, count: number) {
  let engine: LocalEngine
  let separate: SeparateModels
  before(async () => {
    engine = await openQuietly(family.specs, family.options)
    separate = new SeparateModels(family.specs, family.options)
  })
  after(async () => {
    await engine.close()
    await separate.close()
  })

  const check = async (entries: readonly GuideEntry[]) => {
    const contexts = contextsOf(engine, family)
    const prompt = { base: contexts.base, messages: family.messages }
    const { terms } = align({ guides: [...entries] }, catalogueOf(family), prompt, modelDirectory(engine.models))
    const { draws } = await answer(engine, terms, { maxTokens: count, seed: 5n, topLogprobs: 5, trace: true })
    assert.equal(draws.length, count)
    await assertDrawnFrom(lawOf(family, entries, contexts), draws, separate, bound)
    for (const draw of draws) assertReadLike(draw, terms)
    // without a trace the graph does not return the single contexts' logits: another way through the engine
    const untraced = await answer(engine, terms, { maxTokens: count, seed: 5n })
    assert.deepEqual(
      untraced.draws.map(({ id, logprob }) => [id, logprob]),
      draws.map(({ id, logprob }) => [id, logprob]),
    )
  }

  const kinds = entriesOf(family)
  for (const [kind, entries] of Object.entries(kinds))
    for (let n = 1; n <= entries.length; n++) test(`${n} of ${kind}`, () => check(entries.slice(0, n)))
  test('one guide of each kind', () => check(Object.values(kinds).flatMap((entries) => entries.slice(0, 1))))
}

describe('every streamed logprob on models/tiny is the offline combination of separate models', () => {
  testFamily(tinyFamily(), tokens)
})

const real = process.env['TRIMTAB_PARITY'] === 'full' ? smolLm2() : undefined
if (real !== undefined)
  describe('every streamed logprob on SmolLM2 is the offline combination of separate models', () => {
    testFamily(smolFamily(real.folder), 8)
  })
