import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TokenizerAdapter } from '../../src/decoding/checkpoint/tokenizer.ts'
import type { Decoder, Sequence, SequenceDelta, SequenceRequest, TokenDraw } from '../../src/decoding/decoder.ts'
import { ContextLengthError, InvalidRequestError, UnknownModelError } from '../../src/decoding/errors.ts'
import type { LoadedModel } from '../../src/decoding/local/engine-options.ts'
import { promptSeed } from '../../src/decoding/rng.ts'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { bestOfOptions } from '../../src/guidance/whole-answer-options.ts'
import { toEngineFailure } from '../../src/server/engine-failure.ts'
import type { GenerationEvent, GenerationRequest } from '../../src/server/engine-messages.ts'
import { assertGuidesFit, modelDirectory } from '../../src/server/model-directory.ts'
import type { GenerationEngine } from '../../src/server/plan-generation.ts'
import { runGeneration } from '../../src/server/run-generation.ts'
import { ToyDecoder as LawfulDecoder } from '../laws/toy-decoder.ts'
import { scrambledModel } from '../laws/toy-models.ts'

const letters = 'abcdefgh'
const letterModels = new Map([['base', scrambledModel('base', letters.length)]])

/** Its tokens are letters; `other` spells one of them differently. */
function toyTokenizer(other = false): TokenizerAdapter {
  const tokenOf = (id: number) => (other && id === 3 ? 'X' : letters[id])
  return {
    size: letters.length,
    encode: (text) => [...text].map((letter) => letters.indexOf(letter)).filter((id) => id >= 0),
    bytesOf: (id) => Buffer.from(tokenOf(id) ?? ''),
    tokenOf,
    idOf: (token) => letters.indexOf(token),
    bosTokenId: undefined,
    specialIds: new Set(),
  }
}

function toyModel(name: string, change: Partial<LoadedModel> = {}): LoadedModel {
  return {
    name,
    source: `/${name}`,
    weights: 'fp32',
    config: {} as LoadedModel['config'],
    contextLength: 10,
    tokenizer: toyTokenizer(),
    chatTemplate: { render: (messages) => messages.map(({ content }) => content).join('') },
    eosTokenIds: [],
    adapterNames: [],
    ...change,
  }
}

function drawOf({ sampling, terms }: SequenceRequest, id: number): TokenDraw {
  return { id, logprob: -0.5, top: undefined, termLogprobs: sampling.trace ? terms.map((_, i) => -i - 1) : undefined }
}

/** Says "ab" to everyone, one token a step, and then ends with "h". */
class ToyDecoder implements Decoder {
  readonly opened: SequenceRequest[] = []
  live = 0

  open(request: SequenceRequest): Sequence {
    this.opened.push(request)
    this.live += 1
    return { request, generatedTokens: 3, cachedTokens: 1, text: '', finishReason: 'stop', endDraw: drawOf(request, 7) }
  }

  async *advance(sequence: Sequence, count: number): AsyncGenerator<SequenceDelta> {
    if (count === 0) return
    for (const id of [0, 1]) yield { text: letters[id]!, draws: [drawOf(sequence.request, id)] }
  }

  fork(sequence: Sequence): Sequence {
    this.live += 1
    return { ...sequence }
  }

  release(): void {
    this.live -= 1
  }
}

function toyEngine(...more: readonly LoadedModel[]): GenerationEngine & { readonly decoder: ToyDecoder } {
  const models = new Map([toyModel('base'), ...more].map((model) => [model.name, model]))
  const guides = new Map([['arm', { kind: 'genarm', model: 'base', adapter: 'arm', template: 'base' } as const]])
  return {
    decoder: new ToyDecoder(),
    models,
    directory: modelDirectory(models),
    catalogue: { guides, objectives: new Map() },
    rewards: new Map(),
    isUpstream: () => false,
    prepare: async () => {},
    doubt() {},
  }
}

function toyRequest(
  change: Partial<GenerationRequest> = {},
  sampling: Partial<GenerationRequest['sampling']> = {},
): GenerationRequest {
  return {
    model: 'base',
    prompts: [{ type: 'messages', messages: [{ role: 'user', content: 'abc' }] }],
    n: 1,
    defaultMaxTokens: 4,
    alignment: undefined,
    sampling: { ...plainSampling, seed: 0n, maxTokens: undefined, ...sampling },
    ...change,
  }
}

async function run(engine: GenerationEngine, request: GenerationRequest): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  await runGeneration(engine, request, (event) => events.push(event), new AbortController().signal)
  return events
}

describe('runGeneration', () => {
  it('streams deltas, ends each choice, then tells the usage', async () => {
    const engine = toyEngine()
    assert.deepEqual(await run(engine, toyRequest()), [
      { type: 'choice-delta', index: 0, text: 'a', tokens: undefined },
      { type: 'choice-delta', index: 0, text: 'b', tokens: undefined },
      { type: 'choice-end', index: 0, finishReason: 'stop' },
      {
        type: 'generation-end',
        usage: { promptTokens: 3, completionTokens: 2, cachedTokens: 1 },
        alignment: undefined,
      },
    ])
    assert.equal(engine.decoder.live, 0)
  })

  it('numbers choices prompt by prompt and sums their tokens', async () => {
    const prompts = [{ type: 'text', text: 'ab' } as const, { type: 'token-ids', ids: [1, 2, 3] } as const]
    const events = await run(toyEngine(), toyRequest({ prompts, n: 2 }))
    const ends = events.filter((event) => event.type === 'choice-end').map(({ index }) => index)
    assert.deepEqual(ends.sort(), [0, 1, 2, 3])
    const last = events.at(-1)
    assert.deepEqual(last?.type === 'generation-end' && last.usage, {
      promptTokens: 5,
      completionTokens: 8,
      cachedTokens: 2,
    })
  })

  it('reports tokens, traces and the work of guides', async () => {
    const alignment = { guides: [{ guide: 'arm', weight: 0.5 }], trace: true }
    const events = await run(toyEngine(), toyRequest({ alignment }, { topLogprobs: 0, trace: true }))
    assert.deepEqual(events[0], {
      type: 'choice-delta',
      index: 0,
      text: 'a',
      tokens: [{ token: 'a', bytes: [97], logprob: -0.5, top: [] }],
    })
    const last = events.at(-1)
    assert.deepEqual(last?.type === 'generation-end' && last.alignment, {
      method: 'genarm',
      tokens: { returned: 2, generated: 3, guide: 3, rewardCalls: 0 },
      trace: {
        baseWeight: 1,
        weights: { arm: 0.5 },
        // The end token is in the trace and not in the deltas.
        choices: [
          [
            { id: 0, text: 'a', logprob: -0.5, baseLogprob: -1, guides: { arm: -2 }, top: undefined },
            { id: 1, text: 'b', logprob: -0.5, baseLogprob: -1, guides: { arm: -2 }, top: undefined },
            { id: 7, text: '', logprob: -0.5, baseLogprob: -1, guides: { arm: -2 }, top: undefined },
          ],
        ],
      },
    })
  })

  it('without max_tokens takes what is left of the context, capped', async () => {
    const engine = toyEngine()
    await run(engine, toyRequest())
    await run(engine, toyRequest({ defaultMaxTokens: 100 }))
    assert.deepEqual(
      engine.decoder.opened.map(({ sampling }) => sampling.maxTokens),
      [4, 7],
    )
    const full = [{ type: 'text', text: 'abcdefghab' } as const]
    await assert.rejects(run(engine, toyRequest({ prompts: full })), ContextLengthError)
  })

  it('refuses what would open more sequences than can ever run and wait, before it opens any', async () => {
    const engine = { ...toyEngine(), mostOpened: 3 }
    const prompts = (count: number) => Array.from({ length: count }, () => ({ type: 'text', text: 'ab' }) as const)
    const vote = { best_of: bestOfOptions.parse({ n: 2, select: 'vote', answer: '.' }) }
    for (const [request, param] of [
      [{ prompts: prompts(4) }, 'prompt'],
      [{ prompts: prompts(2), n: 2, alignment: vote }, 'prompt'],
      [{ n: 4, alignment: vote }, 'n'],
    ] as const)
      await assert.rejects(run(engine, toyRequest(request)), (error) => {
        return (
          error instanceof InvalidRequestError && error.param === param && /lets wait 3 at most/.test(error.message)
        )
      })
    assert.deepEqual(engine.decoder.opened, [])
    await run(engine, toyRequest({ prompts: prompts(3), n: 2 }))
  })

  it('gives every prompt a random stream of its own, the first that of the request', async () => {
    const prompts = ['ab', 'ab', 'ab'].map((text) => ({ type: 'text', text }) as const)
    const engine = toyEngine()
    await run(engine, toyRequest({ prompts, n: 2 }, { seed: 7n }))
    const seeds = engine.decoder.opened.map(({ sampling }) => sampling.seed)
    assert.deepEqual(seeds, [7n, promptSeed(7n, 1), promptSeed(7n, 2)])
    assert.equal(new Set(seeds).size, 3)
  })

  it('equal prompts of one request are answered differently, the first as if it were alone', async () => {
    const engine = { ...toyEngine(), decoder: new LawfulDecoder(letterModels, undefined) }
    const answers = async (texts: readonly string[]) => {
      const prompts = texts.map((text) => ({ type: 'text', text }) as const)
      const events = await run(engine, toyRequest({ prompts }, { seed: 7n, maxTokens: 8 }))
      const found = texts.map(() => '')
      for (const event of events) if (event.type === 'choice-delta') found[event.index] += event.text
      return found
    }
    const [alone] = await answers(['ab'])
    const both = await answers(['ab', 'ab'])
    assert.equal(alone?.length, 8)
    assert.equal(both[0], alone)
    assert.notEqual(both[1], alone)
  })

  it('names what is wrong', async () => {
    const invalid = (param: string) => (error: unknown) => error instanceof InvalidRequestError && error.param === param
    const engine = toyEngine(toyModel('mute', { chatTemplate: undefined }))
    await assert.rejects(run(engine, toyRequest({ model: 'x' })), UnknownModelError)
    await assert.rejects(run(engine, toyRequest({ model: 'mute' })), invalid('messages'))
    await assert.rejects(run(engine, toyRequest({}, { logitBias: new Map([[8, 1]]) })), invalid('logit_bias.8'))
    await assert.rejects(run(engine, toyRequest({}, { stopTokenIds: [0, 9] })), invalid('stop_token_ids[1]'))
    await assert.rejects(run(engine, toyRequest({ prompts: [{ type: 'token-ids', ids: [9] }] })), invalid('prompt[0]'))
    await assert.rejects(run(engine, toyRequest({ prompts: [{ type: 'text', text: '' }] })), invalid('prompt'))
  })

  it('refuses a hopeless prompt before tokenising it', async () => {
    const tokenizer = { ...toyTokenizer(), encode: () => assert.fail('it was tokenised') }
    const engine = toyEngine(toyModel('long', { tokenizer }))
    const prompts = [{ type: 'text', text: 'a'.repeat(1000) } as const]
    await assert.rejects(run(engine, toyRequest({ model: 'long', prompts })), ContextLengthError)
  })
})

describe('toEngineFailure', () => {
  it('names the field that the prompt came in', () => {
    const error = new ContextLengthError(10, 9, 4)
    assert.equal(toEngineFailure(error, 'messages').param, 'messages')
    assert.equal(toEngineFailure(error, 'text').param, 'prompt')
    assert.deepEqual(toEngineFailure(new RangeError('x'), undefined).kind, 'engine-error')
  })
})

describe('assertGuidesFit', () => {
  it('refuses a guide with another vocabulary, showing the ids', () => {
    const other = toyModel('other', { tokenizer: toyTokenizer(true) })
    const models = new Map([toyModel('base'), other].map((model) => [model.name, model]))
    const catalogue = (model: string) => ({
      guides: new Map([['g', { kind: 'unir', model, adapter: undefined } as const]]),
      objectives: new Map(),
    })
    assertGuidesFit(models, ['base'], catalogue('base'))
    assert.throws(() => assertGuidesFit(models, ['base'], catalogue('other')), /ids 3 \("d" \/ "X"\) differ/)
  })
})
