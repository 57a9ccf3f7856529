import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import { openUpstream } from '../../src/decoding/upstream/http/pooled-upstream.ts'
import { LlamaEngine } from '../../src/decoding/upstream/llama/llama-engine.ts'
import { llamaIdentity, probeLlama } from '../../src/decoding/upstream/llama/llama-probe.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { decoderContract } from '../decoding/decoder-contract.ts'
import { assertNear, type Chance, enumerated, lawOf } from '../laws/enumeration.ts'
import { DoubleClient } from './double-client.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { eos, guidedRequest, laws, letters, lettersUpTo, localGuides, term, vocabSize } from './guided-double.ts'
import { llamaRoutes } from './llama-double.ts'
import { testSettings } from './settings.ts'
import { assertLaw, targetLaw } from './target-laws.ts'
import { idsOf, rendered } from './vllm-double.ts'

const abilities = {
  mostTop: Number.POSITIVE_INFINITY,
  logprobs: 'raw',
  tokenIds: true,
  chosenLogprobs: false,
  several: false,
  batches: false,
  models: ['base'],
  contextLength: 64,
  guides: [],
  distinctLogits: true,
} as const

const templates = { model: 'base', encode: (text: string) => idsOf(text, 8), render: rendered }

interface Vocabulary {
  readonly bytes: readonly (readonly number[])[]
  /** Tokens at which calls end, whether answers do or not. */
  readonly ends: ReadonlySet<number>
}

const whole: Vocabulary = { bytes: [[0x61], [0x62], []], ends: new Set([eos]) }

const vocabularies: Readonly<Record<string, Vocabulary>> = {
  'whole characters': whole,
  'characters of two tokens': { ...whole, bytes: [[0xc3], [0xa9], []] },
  'characters of three tokens, two of them the same': { ...whole, bytes: [[0xe3], [0x81], []] },
  'calls that end where no answer does': { ...whole, ends: new Set([0, eos]) },
}

function enumeratedLlama(chance: Chance, { bytes, ends }: Vocabulary) {
  const engine = new DoubleEngine(laws, vocabSize, eos)
  engine.chance = chance
  const bytesOf = (id: number) => Uint8Array.from(bytes[id]!)
  const double = new EngineDouble(llamaRoutes(engine, { ...templates, bytesOf, ends }))
  // letter b is whole wherever it stands alone
  const llama = new LlamaEngine(new DoubleClient(double), abilities, vocabSize, 1)
  const model = {
    name: 'base',
    engine: llama,
    model: 'base',
    tokenizer: letters,
    eosTokenIds: [eos],
    contextLength: 64,
  }
  const places = { upstream: new Map([['base', model]]), local: localGuides }
  return new UpstreamDecoder(places, { chanceOf: () => chance, now: () => 0 })
}

for (const [title, vocabulary] of Object.entries(vocabularies)) {
  const decoderOf = (chance: Chance) => enumeratedLlama(chance, vocabulary)

  test(`llama-server, ${title}: options A and C, several drafts, a principle`, async () => {
    const terms = [term('base', 1), term('guide', 0.8)]
    for (const block of [1, 2, 3])
      await assertLaw(guidedRequest(terms, { maxTokens: block }, { block }), targetLaw(terms, 2), decoderOf)
    await assertLaw(guidedRequest(terms, { maxTokens: 2 }, { exact: true }), targetLaw(terms, 3), decoderOf)
    await assertLaw(guidedRequest(terms, { maxTokens: 1 }, { drafts: 2 }), targetLaw(terms, 2), decoderOf)
    const principle = [term('base', 0.4), term('base', 0.6, [1, 0])]
    await assertLaw(guidedRequest(principle, { maxTokens: 2 }), targetLaw(principle, 2, 1), decoderOf)
  })

  test(`llama-server, ${title}, unguided: the law of its own tokens`, async () => {
    const plain = [term('base', 1)]
    await assertLaw(guidedRequest(plain), targetLaw(plain, 3), decoderOf)
  })

  for (const terms of [[term('base', 1)], [term('base', 1), term('guide', 0.8)]])
    test(`llama-server, ${title}, ${terms.length} terms: an end that is ignored is a token like any other`, async () => {
      const request = guidedRequest(terms, { maxTokens: 2, ignoreEos: true }, { exact: true })
      const outcomes = await enumerated((chance) => idsOfAnswer(decoderOf(chance), request))
      const law = lawOf(outcomes, (ids) => ids.join())
      const target = targetLaw(terms, 3)
      for (let first = 0; first < vocabSize; first++)
        for (let second = 0; second < vocabSize; second++) {
          const expected = target([])[first]! * target([first])[second]!
          assertNear(law.get(`${first},${second}`) ?? 0, expected, 1e-12, `${first},${second}`)
        }
    })
}

async function idsOfAnswer(decoder: UpstreamDecoder, request: SequenceRequest): Promise<readonly number[]> {
  const sequence = decoder.open(request)
  const ids: number[] = []
  const { signal } = new AbortController()
  for await (const { draws } of decoder.advance(sequence, Number.POSITIVE_INFINITY, signal))
    ids.push(...draws.map(({ id }) => id))
  assert.equal(sequence.finishReason, 'length')
  decoder.release(sequence)
  return ids
}

const size = 8
const served = new DoubleEngine(new Map([['base', scrambledLaw('base', size)]]), size, 2)
const bytesOf = (id: number) => Uint8Array.of(id === 5 ? 0xc3 : 0x61 + id)
const double = new EngineDouble(llamaRoutes(served, { ...templates, bytesOf, ends: new Set([2]) }))
const client = openUpstream(testSettings([await double.listen()], { kind: 'llama-server' }))
after(async () => {
  await client.close()
  await double.close()
})
const tokenizer = lettersUpTo(size)

for (const guided of [false, true])
  decoderContract(`llama-server, ${guided ? 'guided by a principle' : 'unguided'}`, async () => {
    const engine = new LlamaEngine(client, abilities, size, 0)
    const model = { name: 'base', engine, model: 'base', tokenizer, eosTokenIds: [2], contextLength: 64 }
    const places = { upstream: new Map([['base', model]]), local: undefined }
    const promptOf = (tokens: number) => Array.from({ length: tokens }, (_, i) => i % 3)
    return {
      decoder: new UpstreamDecoder(places, { now: () => 0 }),
      terms: (tokens) =>
        guided
          ? [term('base', 0.4, promptOf(tokens)), term('base', 0.6, [1, ...promptOf(tokens)])]
          : [term('base', 1, promptOf(tokens))],
      contextLength: 64,
      async assertIdle() {
        for (let wait = 0; double.running + client.inFlight > 0 && wait < 200; wait++) await sleep(5)
        assert.deepEqual([double.running, client.inFlight], [0, 0])
      },
    }
  })

test('llama-server: the probe tells its model, its context and whether the tokenizer is the same', async () => {
  const { signal } = new AbortController()
  const subject = { model: 'base', tokenizer, chatTemplate: { render: rendered } }
  const result = await probeLlama(client, subject, signal)
  assert.deepEqual([result.problems, result.abilities], [[], abilities])
  assert.equal(await llamaIdentity(client, 'base', signal), result.identity)
  const other = { ...tokenizer, encode: (text: string) => idsOf(text, size).reverse() }
  assert.match((await probeLlama(client, { ...subject, tokenizer: other }, signal)).problems.join(), /tokenises/)
  await assert.rejects(() => probeLlama(client, { ...subject, model: 'absent' }, signal), /serves no model 'absent'/)
})
