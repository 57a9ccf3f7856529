import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { LogitTerm } from '../../src/decoding/decoder.ts'
import type { LocalEngine } from '../../src/decoding/local/engine.ts'
import type { EngineOptions, WeightFormat } from '../../src/decoding/local/engine-options.ts'
import { chunkTokens } from '../../src/decoding/local/prefill-step.ts'
import { randomAdapter, randomModel, realModelCache, smolLm2, tinyFolder } from './checkpoints.ts'
import { type Answer, answer, engineOptions, freeSampling, modelSpec, openQuietly } from './parity-engine.ts'
import { randomAdapterFor, randomModuleFor } from './random-guides.ts'

/** A base with two adapters, and a guide of its own where one is given. */
interface Setting {
  readonly folder: string
  readonly adapters: readonly [string, string]
  readonly module: string | undefined
  readonly options: EngineOptions
  readonly answerTokens: number
  /** Length of the prompts that the request under test has. */
  readonly promptTokens: readonly number[]
}

const base = 'base'
const full = process.env['TRIMTAB_PARITY'] === 'full'
const contextLength = 512

/** What must not change: ids, and the exact value of every log-probability. */
const bits = ({ draws }: Answer) => draws.map(({ id, logprob, top }) => ({ id, logprob, top }))

const somePrompt = (length: number, seed: number): number[] =>
  Array.from({ length }, (_, i) => 5 + ((i * i * 31 + i * 17 + seed * 101) % 280))

function laws(setting: Setting, promptTokens: number): Record<string, LogitTerm[]> {
  const promptIds = somePrompt(promptTokens, 1)
  const term = (model: string, adapter: string | undefined, coefficient: number, ids = promptIds): LogitTerm => ({
    model,
    adapter,
    promptIds: ids,
    coefficient,
  })
  const other = [...somePrompt(7, 2), ...promptIds]
  const plain = term(base, undefined, 1)
  return {
    'without guides': [plain],
    'with a LoRA guide': [plain, term(base, 'first', 0.7)],
    'with a principle and a LoRA guide': [
      { ...plain, coefficient: 0.4 },
      term(base, undefined, 1.1, other),
      term(base, 'second', -0.5),
    ],
    ...(setting.module === undefined
      ? {}
      : {
          'with a module': [plain, term('module', undefined, 0.9)],
          'with a principle, two LoRA guides and a module': [
            plain,
            term(base, undefined, 0.6, other),
            term(base, 'first', 0.4),
            term(base, 'second', -0.3),
            term('module', undefined, 0.5),
          ],
        }),
  }
}

/** Seven other requests: other lengths, guides, weights and temperatures. */
function crowd(setting: Setting, maxTokens: number) {
  const lengths = [1, 5, 40, 64, 65, 150, 300]
  const lawNames = Object.keys(laws(setting, 1))
  return lengths.map((length, k) => {
    const promptIds = somePrompt(length, 20 + k)
    const law = laws(setting, 1)[lawNames[k % lawNames.length]!]!
    const terms = law.map((term, j) => ({
      ...term,
      promptIds: [...promptIds, ...(j === 0 ? [] : [9])],
      coefficient: term.coefficient + 0.1 * k,
    }))
    return { terms, sampling: { seed: BigInt(50 + k), maxTokens: maxTokens + k, temperature: 0.5 + 0.2 * k } }
  })
}

function openSetting(setting: Setting, weights: WeightFormat, options: Partial<EngineOptions> = {}) {
  const [first, second] = setting.adapters
  const adapters = [
    { name: 'first', source: first },
    { name: 'second', source: second },
  ]
  const specs = [{ ...modelSpec(base, setting.folder, weights), contextLength, adapters }]
  if (setting.module !== undefined)
    specs.push({ ...modelSpec('module', setting.module, weights), contextLength, adapters: [] })
  return openQuietly(specs, { ...setting.options, ...options })
}

function testSetting(setting: Setting, weights: WeightFormat) {
  let engine: LocalEngine
  before(async () => {
    engine = await openSetting(setting, weights)
  })
  after(() => engine.close())

  for (const length of setting.promptTokens) {
    const cases = Object.entries(laws(setting, length))
    // a run in full crosses all laws and lengths; otherwise the shortest prompt comes without guides, the longest with all
    const chosen = full ? cases : [cases.at(length === setting.promptTokens[0] ? 0 : -1)!]
    for (const [name, terms] of chosen)
      test(`a request of ${length} tokens ${name}`, () => checkRequest(setting, weights, engine, terms))
  }
}

async function checkRequest(setting: Setting, weights: WeightFormat, engine: LocalEngine, terms: LogitTerm[]) {
  const sampling = { seed: 9n, maxTokens: setting.answerTokens, topLogprobs: 3 }
  // an engine that has seen nothing yet: no cache, nobody else
  const fresh = await openSetting(setting, weights)
  const alone = await answer(fresh, terms, sampling)
  await fresh.close()
  assert.equal(alone.draws.length, setting.answerTokens)
  assert.equal(alone.cachedTokens, 0)
  const same = (other: Answer, how: string) => assert.deepEqual(bits(other), bits(alone), how)

  const others = crowd(setting, setting.answerTokens)
  const together = await Promise.all([
    ...others.slice(0, 4).map((request) => answer(engine, request.terms, request.sampling)),
    answer(engine, terms, sampling),
    ...others.slice(4).map((request) => answer(engine, request.terms, request.sampling)),
  ])
  same(together[4]!, 'among seven others')

  const again = await answer(engine, terms, sampling)
  const prompt = terms[0]!.promptIds.length
  assert.equal(again.cachedTokens, Math.floor((prompt - 1) / chunkTokens) * chunkTokens)
  same(again, 'with its prompt from the prefix cache')

  const twins = await Promise.all([1n, 2n, 9n, 3n].map((seed) => answer(engine, terms, { ...sampling, seed })))
  same(twins[2]!, 'beside others with the same prompt')

  same(await whileOthersPrefill(engine, terms, sampling, others), 'while other prompts come in')
  same(await inPieces(engine, terms, sampling), 'paused and resumed')
  await checkFork(engine, terms, sampling, alone)
}

/** The request decodes while long prompts are prefilled between its steps, one chunk at a time. */
async function whileOthersPrefill(
  engine: LocalEngine,
  terms: LogitTerm[],
  sampling: { seed: bigint; maxTokens: number; topLogprobs: number },
  others: ReturnType<typeof crowd>,
): Promise<Answer> {
  const running = answer(engine, terms, sampling)
  const late = others.map(async ({ terms: theirs, sampling: their }, k) => {
    const steps = engine.stats().steps + 2 * k
    while (engine.stats().steps < steps) await new Promise((resolve) => setImmediate(resolve))
    const longer = theirs.map((term) => ({ ...term, promptIds: [...somePrompt(200 + k, 70 + k), ...term.promptIds] }))
    return answer(engine, longer, { ...their, maxTokens: 3 })
  })
  await Promise.all(late)
  return running
}

async function inPieces(
  engine: LocalEngine,
  terms: LogitTerm[],
  sampling: { seed: bigint; maxTokens: number; topLogprobs: number },
): Promise<Answer> {
  const sequence = engine.open({ terms, sampling: { ...freeSampling, ...sampling } })
  const draws = []
  for (let piece = 0; sequence.finishReason === undefined; piece++)
    for await (const delta of engine.advance(sequence, piece % 5, new AbortController().signal))
      draws.push(...delta.draws)
  const whole = { draws, text: sequence.text, cachedTokens: sequence.cachedTokens }
  engine.release(sequence)
  return whole
}

/**
 * A fork with the parent's seed says what the parent would have said, and the parent is not disturbed by its forks. There are
 * enough of them for a range of shared blocks.
 */
async function checkFork(
  engine: LocalEngine,
  terms: LogitTerm[],
  sampling: { seed: bigint; maxTokens: number; topLogprobs: number },
  alone: Answer,
): Promise<void> {
  const parent = engine.open({ terms, sampling: { ...freeSampling, ...sampling }, forks: 12 })
  const read = async (sequence: typeof parent, tokens: number) => {
    const draws = []
    for await (const delta of engine.advance(sequence, tokens, new AbortController().signal)) draws.push(...delta.draws)
    return draws
  }
  const begun = await read(parent, 6)
  const forks = [sampling.seed, 77n, sampling.seed, ...Array.from({ length: 9 }, (_, k) => BigInt(80 + k))].map(
    (seed) => engine.fork(parent, seed),
  )
  const [first, , second] = await Promise.all(forks.map((fork) => read(fork, Number.POSITIVE_INFINITY)))
  const rest = await read(parent, Number.POSITIVE_INFINITY)
  for (const sequence of [parent, ...forks]) engine.release(sequence)
  const joined = (draws: typeof begun): Answer => ({ draws: [...begun, ...draws], text: '', cachedTokens: 0 })
  assert.deepEqual(bits(joined(first!)), bits(alone), 'forked')
  assert.deepEqual(bits(joined(second!)), bits(alone), 'forked a second time')
  assert.deepEqual(bits(joined(rest)), bits(alone), 'after its forks')
  assert.equal(engine.stats().blocks.live, 0)
}

const small = (folder: string, adapters: readonly [string, string]): Setting => ({
  folder,
  adapters,
  module: randomModuleFor(folder, 3),
  // spinning threads starve one another where tests run side by side: two of them in full runs only
  options: engineOptions({ threads: full ? 2 : 1, prefillBudget: 64 }),
  answerTokens: 16,
  promptTokens: [30, 310],
})

const random = (name: string): Setting => {
  const folder = randomModel(name)
  return small(folder, [randomAdapterFor(folder, 1), randomAdapterFor(folder, 2)])
}

const settings: Record<string, Setting> = {
  'grouped queries': small(randomModel('llama-llama3'), [
    randomAdapter('llama-llama3-all'),
    randomAdapter('llama-llama3-qv'),
  ]),
  'one key-value head': random('llama-yarn'),
  'one query head a key-value head': random('llama-biases'),
}

const coarse = { 'one query head a key-value head': settings['one query head a key-value head']! }
const crossed: Record<WeightFormat, Record<string, Setting>> = {
  fp32: settings,
  int8: settings,
  // weights and head shapes meet in different kernels, so crossing all is left to a run in full
  w8a8: full ? settings : coarse,
  int4: full ? settings : coarse,
}

for (const [weights, chosen] of Object.entries(crossed) as [WeightFormat, Record<string, Setting>][])
  for (const [name, setting] of Object.entries(chosen))
    describe(`the same request has the same bits whatever else runs, ${weights}, ${name}`, () =>
      testSetting(setting, weights))

describe('a short request has the same bits beside very long ones and in a full batch', () => {
  for (const weights of ['fp32', 'int8', 'w8a8', 'int4'] as const)
    test(`with ${weights} weights`, async () => {
      const folder = randomModuleFor(randomModel('llama-llama3'), 4)
      const options = engineOptions({ threads: 2, memoryBytes: 2 ** 27 })
      const engine = await openQuietly([modelSpec(base, folder, weights)], options)
      const request = (length: number, seed: number) => {
        const terms = [{ model: base, adapter: undefined, promptIds: somePrompt(length, seed), coefficient: 1 }]
        return answer(engine, terms, { seed: BigInt(seed), maxTokens: 12, topLogprobs: 3 })
      }
      const alone = await request(70, 1)
      const longs = [600, 1100, 1900].map((length, k) => request(length, 2 + k))
      const beside = await Promise.all([request(70, 1), ...longs])
      const batch = await Promise.all(Array.from({ length: 60 }, (_, k) => request(70, 60 - k)))
      await engine.close()
      assert.deepEqual(bits(beside[0]), bits(alone), 'beside long ones')
      assert.deepEqual(bits(batch.at(-1)!), bits(alone), 'in a batch of 60')
    })
})

const tiny = join(tinyFolder, 'base')
describe('the same request has the same bits whatever else runs, int8, models/tiny', () => {
  testSetting(small(tiny, [randomAdapterFor(tiny, 1), randomAdapterFor(tiny, 2)]), 'int8')
})

const real = full ? smolLm2() : undefined
if (real !== undefined)
  describe('the same request has the same bits whatever else runs, int8, SmolLM2', () => {
    const adapters = [randomAdapterFor(real.folder, 1), randomAdapterFor(real.folder, 2)] as const
    const options = engineOptions({ threads: 2, memoryBytes: 2 ** 30, cacheFolder: realModelCache() })
    testSetting(
      { folder: real.folder, adapters, module: undefined, options, answerTokens: 12, promptTokens: [310] },
      'int8',
    )
  })
