import type { TokenizerAdapter } from '../../src/decoding/checkpoint/tokenizer.ts'
import type { LogitTerm, SequenceRequest } from '../../src/decoding/decoder.ts'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'
import type { SpeculationOptions } from '../../src/decoding/speculation.ts'
import type { RowSource } from '../../src/decoding/upstream/term-reader.ts'
import type { EngineAbilities } from '../../src/decoding/upstream/token-engine.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import type { UpstreamModel } from '../../src/decoding/upstream/upstream-model.ts'
import { VllmEngine } from '../../src/decoding/upstream/vllm/vllm-engine.ts'
import type { Chance } from '../laws/enumeration.ts'
import { DoubleClient } from './double-client.ts'
import { DoubleEngine, type DoubleLaw, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { idsOf, rendered, type VllmOptions, vllmRoutes } from './vllm-double.ts'

export const vocabSize = 3
/** Letters a and b, then the end of the sequence. */
export const eos = 2

export const laws: ReadonlyMap<string, DoubleLaw> = new Map(
  ['base', 'lora', 'other'].map((name) => [name, scrambledLaw(name, vocabSize)]),
)

/** Guides of the local engine, in its float32. */
export function localRow(name: string, ids: readonly number[]): Float32Array {
  return Float32Array.from(scrambledLaw(`local ${name}`, vocabSize)(ids))
}

export const localGuides: RowSource = {
  async readRows({ model, promptIds }, ids, onRow) {
    for (const index of ids.keys()) onRow(index, localRow(model, [...promptIds, ...ids.slice(0, index)]))
  },
}

export const letters: TokenizerAdapter = {
  size: vocabSize,
  encode: (text) => idsOf(text, vocabSize),
  bytesOf: (id) => (id === eos ? new Uint8Array(0) : Uint8Array.of(0x61 + id)),
  tokenOf: (id) => ['a', 'b', '</s>'][id],
  idOf: (token) => ['a', 'b', '</s>'].indexOf(token),
  bosTokenId: undefined,
  eosTokenId: eos,
  specialIds: new Set([eos]),
}

/** The same for vocabularies of more letters, all of which have a text. */
export const lettersUpTo = (size: number): TokenizerAdapter => ({
  ...letters,
  size,
  encode: (text) => idsOf(text, size),
  tokenOf: (id) => (id < size ? String.fromCharCode(0x61 + id) : undefined),
  bytesOf: (id) => Uint8Array.of(0x61 + id),
})

export const wholeAbilities: EngineAbilities = {
  mostTop: Number.POSITIVE_INFINITY,
  logprobs: 'raw',
  tokenIds: true,
  chosenLogprobs: true,
  several: true,
  batches: true,
  models: [...laws.keys()],
  contextLength: 64,
  guides: [],
  distinctLogits: true,
}

export const vllmOptions: VllmOptions = {
  maxLogprobs: -1,
  logprobsMode: 'raw_logprobs',
  chosen: true,
  root: '/models/base',
  encode: (text) => idsOf(text, vocabSize),
  render: rendered,
}

export interface GuidedSetup {
  readonly abilities?: Partial<EngineAbilities>
  readonly options?: Partial<VllmOptions>
  readonly laws?: ReadonlyMap<string, DoubleLaw>
  /** A clock that stands still without it. */
  readonly now?: () => number
}

/** The decoder over a double of vLLM, whose every chance, the engine's draws included, is `chance`'s. */
export function enumeratedDecoder(chance: Chance, setup: GuidedSetup = {}) {
  const engine = new DoubleEngine(setup.laws ?? laws, vocabSize, eos)
  engine.chance = chance
  const double = new EngineDouble(vllmRoutes(engine, { ...vllmOptions, ...setup.options }))
  const vllm = new VllmEngine(new DoubleClient(double), { ...wholeAbilities, ...setup.abilities })
  const model: UpstreamModel = {
    name: 'base',
    engine: vllm,
    model: 'base',
    tokenizer: letters,
    eosTokenIds: [eos],
    contextLength: 64,
  }
  const upstream = new Map([
    ['base', model],
    ['other', { ...model, name: 'other', model: 'other' }],
    ['lora', { ...model, name: 'lora', model: 'lora' }],
    ['inside', { ...model, name: 'inside', model: 'kind', inside: true }],
  ])
  const places = { upstream, local: localGuides }
  const decoder = new UpstreamDecoder(places, { chanceOf: () => chance, now: setup.now ?? (() => 0) })
  return { decoder, double, engine }
}

export const term = (model: string, coefficient: number, promptIds: readonly number[] = [0]): LogitTerm => ({
  model,
  adapter: undefined,
  promptIds,
  coefficient,
})

export function guidedRequest(
  terms: readonly LogitTerm[],
  sampling: Partial<SamplingParams> = {},
  speculation: Partial<SpeculationOptions> = {},
): SequenceRequest {
  return {
    terms,
    sampling: { ...plainSampling, seed: 1n, maxTokens: 3, ...sampling },
    speculation: { exact: false, block: 2, top: 2, drafts: 1, ...speculation },
  }
}

/** What a term says behind its prompt and the answer, as the double or the local engine computes it. */
export function termRow({ model, promptIds }: LogitTerm, answer: readonly number[]): readonly number[] {
  const ids = [...promptIds, ...answer]
  const own = laws.get(model)
  return own === undefined ? [...localRow(model, ids)] : own(ids)
}
