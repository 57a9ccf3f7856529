import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LogitTerm, TokenDraw } from '../../src/decoding/decoder.ts'
import { type LocalEngine, openEngine } from '../../src/decoding/local/engine.ts'
import type { EngineOptions, ModelSpec, WeightFormat } from '../../src/decoding/local/engine-options.ts'
import { openModel, type RunningModel, startModel } from '../../src/decoding/local/loaded-model.ts'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'

const scratch = mkdtempSync(join(tmpdir(), 'trimtab-parity-'))
process.once('exit', () => rmSync(scratch, { recursive: true, force: true }))

/** Options with room for any test here; graphs of small models go when the process ends. */
export function engineOptions(changes: Partial<EngineOptions> = {}): EngineOptions {
  return {
    memoryBytes: 2 ** 26,
    threads: 1,
    maxRunning: 64,
    maxWaiting: 64,
    prefillBudget: 128,
    cacheFolder: join(scratch, 'graphs'),
    hub: { cacheFolder: join(scratch, 'hub') },
    ...changes,
  }
}

export function modelSpec(name: string, source: string, weights: WeightFormat = 'fp32'): ModelSpec {
  return { name, source, weights, adapters: [], contextLength: undefined }
}

export const openQuietly = (
  specs: readonly ModelSpec[],
  options: EngineOptions = engineOptions(),
): Promise<LocalEngine> => openEngine(specs, options, () => undefined)

/** One model without the engine's loop around it: its runner takes any tokens, not only drawn ones. */
export async function openRunningModel(
  spec: ModelSpec,
  options: EngineOptions = engineOptions(),
): Promise<RunningModel> {
  const opened = await openModel(spec, options.hub)
  return startModel(opened, options, 256, () => undefined)
}

/** As the engine's own tests sample: past any end-of-sequence token. */
export const freeSampling: SamplingParams = { ...plainSampling, seed: 1n, maxTokens: 48, ignoreEos: true }

export interface Answer {
  readonly draws: readonly TokenDraw[]
  readonly text: string
  readonly cachedTokens: number
}

/** Opens, reads to the end and releases one sequence. */
export async function answer(
  engine: LocalEngine,
  terms: readonly LogitTerm[],
  sampling: Partial<SamplingParams> = {},
): Promise<Answer> {
  const sequence = engine.open({ terms, sampling: { ...freeSampling, ...sampling } })
  try {
    const draws: TokenDraw[] = []
    const signal = new AbortController().signal
    for await (const delta of engine.advance(sequence, Number.POSITIVE_INFINITY, signal)) draws.push(...delta.draws)
    return { draws, text: sequence.text, cachedTokens: sequence.cachedTokens }
  } finally {
    engine.release(sequence)
  }
}
