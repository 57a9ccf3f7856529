import { join } from 'node:path'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import { type LocalEngine, openEngine } from '../../src/decoding/local/engine.ts'
import type { EngineOptions, ModelSpec } from '../../src/decoding/local/engine-options.ts'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'
import { type TinyConfig, temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'

export const freeSampling: SamplingParams = { ...plainSampling, seed: 1n, maxTokens: 16, ignoreEos: true }

export interface ToyOptions {
  readonly engine?: Partial<EngineOptions>
  readonly spec?: Partial<ModelSpec>
  readonly config?: TinyConfig
}

/** An engine with one small random model called 'toy'. */
export async function toyEngine(options: ToyOptions = {}): Promise<LocalEngine> {
  const folder = temporaryFolder()
  writeTinyCheckpoint(join(folder, 'model'), options.config)
  const spec: ModelSpec = {
    name: 'toy',
    source: join(folder, 'model'),
    weights: 'fp32',
    adapters: [],
    contextLength: undefined,
    ...options.spec,
  }
  return await openEngine([spec], engineOptions(folder, options.engine), () => {})
}

export function engineOptions(folder: string, overrides: Partial<EngineOptions> = {}): EngineOptions {
  return {
    memoryBytes: 64 * 2 ** 20,
    threads: 1,
    maxRunning: 64,
    maxWaiting: 64,
    prefillBudget: 128,
    cacheFolder: join(folder, 'cache'),
    hub: { cacheFolder: join(folder, 'hub') },
    ...overrides,
  }
}

export function toyRequest(promptIds: readonly number[], sampling: Partial<SamplingParams> = {}): SequenceRequest {
  return {
    terms: [{ model: 'toy', adapter: undefined, promptIds, coefficient: 1 }],
    sampling: { ...freeSampling, ...sampling },
  }
}

/** `length` ids that differ by `seed`. */
export const toyPrompt = (length: number, seed = 0): number[] =>
  Array.from({ length }, (_, i) => 40 + ((i * 7 + seed * 31 + (i >> 3)) % 60))

export interface Answer {
  readonly ids: readonly number[]
  readonly logprobs: readonly number[]
  readonly text: string
  readonly cachedTokens: number
  readonly generatedTokens: number
  readonly finishReason: string | undefined
}

/** Decodes one request to its end and frees it. */
export async function decode(
  engine: LocalEngine,
  request: SequenceRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<Answer> {
  const sequence = engine.open(request)
  const ids: number[] = []
  const logprobs: number[] = []
  let text = ''
  try {
    for await (const delta of engine.advance(sequence, Number.POSITIVE_INFINITY, signal)) {
      text += delta.text
      for (const draw of delta.draws) {
        ids.push(draw.id)
        logprobs.push(draw.logprob)
      }
    }
    const { cachedTokens, generatedTokens, finishReason } = sequence
    return { ids, logprobs, text, cachedTokens, generatedTokens, finishReason }
  } finally {
    engine.release(sequence)
  }
}
