import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { SpeculationMeter, type SpeculationOptions } from '../../src/decoding/speculation.ts'
import { UpstreamDecoder } from '../../src/decoding/upstream/upstream-decoder.ts'
import { type EngineTimes, TimedEngine } from './timed-engine.ts'
import { end, vocabulary } from './two-laws.ts'

export interface ModeRate {
  /** Tokens a second, one stream. */
  readonly rate: number
  /** Share of the drafts looked at that was taken; of a few hundred tokens. */
  readonly acceptance: number
}

/** Decodes one guided answer through the real decoder over an engine with the given times. */
export async function measureMode(
  times: EngineTimes,
  acceptance: number,
  mode: Pick<SpeculationOptions, 'block' | 'drafts'>,
  tokens: number,
): Promise<ModeRate> {
  const engine = new TimedEngine(times, acceptance)
  const model = { name: 'base', engine, model: 'base', tokenizer, eosTokenIds: [end], contextLength: 1 << 20 }
  const upstream = new Map([
    ['base', model],
    ['guide', { ...model, name: 'guide', model: 'guide' }],
  ])
  const decoder = new UpstreamDecoder({ upstream, local: undefined })
  const term = (name: string) => ({ model: name, adapter: undefined, promptIds: [0], coefficient: 1 })
  const sampling = { ...plainSampling, seed: 7n, maxTokens: tokens, ignoreEos: true }
  const meter = new SpeculationMeter()
  const speculation = { exact: false, top: 2, ...mode }
  const sequence = decoder.open({ terms: [term('base'), term('guide')], sampling, speculation, meter })
  const signal = new AbortController().signal
  // a quarter is left for the lengths of blocks to settle
  const started = await drain(decoder.advance(sequence, Math.floor(tokens / 4), signal))
  const before = meter.emitted
  const ended = await drain(decoder.advance(sequence, tokens, signal))
  decoder.release(sequence)
  return { rate: (1000 * (meter.emitted - before)) / (ended - started), acceptance: meter.accepted / meter.examined }
}

async function drain(deltas: AsyncGenerator): Promise<number> {
  for await (const _ of deltas);
  return performance.now()
}

const tokenizer = {
  size: vocabulary.length,
  encode: () => [0],
  bytesOf: (id: number) => new TextEncoder().encode(id === end ? '' : vocabulary[id]!),
  tokenOf: (id: number) => vocabulary[id],
  idOf: (token: string) => vocabulary.indexOf(token as (typeof vocabulary)[number]),
  bosTokenId: undefined,
  eosTokenId: end,
  specialIds: new Set([end]),
}
