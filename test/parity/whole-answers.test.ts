import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import { readConfigFile } from '../../src/server/config-file.ts'
import type { GenerationEvent, GenerationRequest } from '../../src/server/engine-messages.ts'
import { engineSetup } from '../../src/server/engine-setup.ts'
import { openGenerationEngine } from '../../src/server/open-generation-engine.ts'
import { runGeneration } from '../../src/server/run-generation.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'
import { tinyFolder } from './checkpoints.ts'

const setup = engineSetup(readConfigFile(join(tinyFolder, 'trimtab.yaml'), {}, { engine: { threads: 1 } }))
const cacheFolder = temporaryFolder()
const engine = await openGenerationEngine({ ...setup, options: { ...setup.options, cacheFolder } }, () => {})
after(() => engine.close())

const never = new AbortController().signal
const sum = 'What is 47 + 7 + 7?'
const review = 'Write a review of the Abbey Hotel.'

function request(content: string, alignment: unknown, seed = 5n, maxTokens = 40): GenerationRequest {
  return {
    model: 'tiny',
    prompts: [{ type: 'messages', messages: [{ role: 'user', content }] }],
    n: 1,
    defaultMaxTokens: maxTokens,
    alignment: alignmentOptions.parse(alignment),
    sampling: { ...plainSampling, seed, maxTokens },
  }
}

async function eventsOf(asked: GenerationRequest, signal = never): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  await runGeneration(engine, asked, (event) => events.push(event), signal)
  return events
}

const isDelta = (event: GenerationEvent) => event.type === 'choice-delta'

/** Text and report, without the pieces the text came in. */
async function answerOf(asked: GenerationRequest) {
  const events = await eventsOf(asked)
  const text = events.map((event) => (event.type === 'choice-delta' ? event.text : '')).join('')
  const end = events.find((event) => event.type === 'generation-end')!
  return { text, alignment: end.alignment }
}

const methods: Readonly<Record<string, GenerationRequest>> = {
  'best-of with a process reward': request(sum, { best_of: { n: 4, reward: 'steps' } }),
  'soft best-of with a classifier': request(review, { best_of: { n: 3, reward: 'sentiment', select: 'soft' } }),
  'pruned best-of with an autoregressive reward': request(review, {
    best_of: { n: 4, reward: 'praise', prune: { at: [6, 12] } },
  }),
  'a vote': request(sum, { best_of: { n: 5, select: 'vote' } }),
  particles: request(sum, { particles: { n: 4, reward: 'steps', lambda: 6, at: 'sentence' } }),
  'particles with trial completions': request(sum, {
    particles: { n: 2, reward: 'sound', lambda: 3, resample_every: 12, intermediate: 'completions' },
  }),
  'a beam': request(sum, { search: { method: 'beam', reward: 'steps', at: 'sentence', width: 2, branch: 3 } }),
  'a tree on a budget': request(sum, {
    search: { method: 'tree', reward: 'steps', at: 'sentence', iterations: 6 },
    budget: 200,
  }),
  'guides within particles within best-of': request(review, {
    guides: [{ guide: 'formal', weight: 0.7 }],
    particles: { n: 3, reward: { sentiment: 0.3, formality: 1 }, resample_every: 8 },
    best_of: { n: 2, reward: 'positivity' },
  }),
}

describe('same seed, same text, same scores', () => {
  for (const [name, asked] of Object.entries(methods))
    test(`${name}: alone and beside all others`, async () => {
      const alone = await answerOf(asked)
      const others = Object.values(methods).map((other) => answerOf(other))
      const [beside] = await Promise.all([answerOf(asked), ...others])
      assert.equal(beside.text, alone.text)
      assert.deepEqual(beside.alignment?.outcomes, alone.alignment?.outcomes)
      assert.equal(engine.stats().blocks.live, 0)
    })
})

describe('what it costs', () => {
  test('best-of-8 computes its prompt once', async () => {
    // long enough to be worth caching, and asked for the first time
    const asked = request(`${review} ${'It rained all day. '.repeat(20)}`, { best_of: { n: 8, reward: 'sentiment' } })
    const before = engine.stats()
    await eventsOf(asked)
    const { prefilledTokens, cachedTokens } = engine.stats()
    const tokens = prefilledTokens + cachedTokens - before.prefilledTokens - before.cachedTokens
    const once = engine.directory.renderAndEncode(
      'tiny',
      asked.prompts[0]!.type === 'messages' ? asked.prompts[0]!.messages : [],
    )
    assert.equal(tokens, once.length - 1)
  })

  test('n candidates hold the blocks of one prompt and of their own answers', async () => {
    let most = 0
    const asked = request(`${review} ${'It rained all day. '.repeat(25)}`, { best_of: { n: 8, reward: 'sentiment' } })
    await runGeneration(engine, asked, () => (most = Math.max(most, engine.stats().blocks.live)), never)
    // a prompt of three blocks; each answer of up to 40 tokens fills up to two more
    assert.ok(most <= 4 + 8 * 2, `${most} blocks`)
  })

  test('a dropped candidate is gone before the next piece of text', async () => {
    const plain = request(review, { best_of: { n: 6, reward: 'sentiment', prune: { keep: 0.2, at: [5] } } })
    const asked = { ...plain, sampling: { ...plain.sampling, ignoreEos: true } }
    const live: number[] = []
    await runGeneration(
      engine,
      asked,
      (event) => {
        if (isDelta(event)) live.push(engine.stats().running)
      },
      never,
    )
    assert.ok(live.length > 3, 'the last one streams live')
    assert.deepEqual(new Set(live.slice(0, -1)), new Set([1]))
  })

  test('what cannot fit is refused before it starts', async () => {
    const huge = request(review, { particles: { n: 128, reward: 'sentiment' } }, 1n, 400)
    const small = { ...setup.options, cacheFolder, memoryBytes: 24 * 2 ** 20 }
    const narrow = await openGenerationEngine({ ...setup, options: small }, () => {})
    await assert.rejects(() => runGeneration(narrow, huge, () => {}, never), /memory|max_tokens/i)
    assert.equal(narrow.stats().blocks.live, 0)
    await narrow.close()
  })
})

test('requests of all methods, every third aborted at some point, leave no block behind', async () => {
  const asked = Object.values(methods)
  const work = Array.from({ length: 60 }, async (_, i) => {
    const controller = new AbortController()
    let left = i % 3 === 0 ? 1 + (i % 11) : Number.POSITIVE_INFINITY
    const template = asked[i % asked.length]!
    const own = { ...template, sampling: { ...template.sampling, seed: BigInt(i) } }
    const emit = () => {
      if (--left === 0) controller.abort(new Error('gone'))
    }
    await runGeneration(engine, own, emit, controller.signal).catch((error: Error) =>
      assert.equal(error.message, 'gone'),
    )
  })
  await Promise.all(work)
  const { running, waiting, blocks } = engine.stats()
  assert.deepEqual(
    { running, waiting, live: blocks.live, reserved: blocks.reserved },
    { running: 0, waiting: 0, live: 0, reserved: 0 },
  )
})
