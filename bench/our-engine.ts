import { join } from 'node:path'
import type { LogitTerm, Sequence } from '../src/decoding/decoder.ts'
import { type LocalEngine, openEngine } from '../src/decoding/local/engine.ts'
import type { ModelSpec, WeightFormat } from '../src/decoding/local/engine-options.ts'
import { plainSampling } from '../src/decoding/sampling-params.ts'

/** The engine in this process, without the server around it, as the server would open it. */
export async function openOurs(
  models: readonly (Pick<ModelSpec, 'name' | 'source' | 'weights'> & Partial<ModelSpec>)[],
  { threads, work, say, memoryBytes = 2 ** 31 }: OursOptions,
): Promise<LocalEngine> {
  const cacheFolder = join(work, 'graphs')
  const specs = models.map((model) => ({ adapters: [], contextLength: 2048, ...model }))
  return await openEngine(
    specs,
    { memoryBytes, threads, maxRunning: 128, maxWaiting: 128, prefillBudget: 512, cacheFolder, hub: { cacheFolder } },
    say,
  )
}

export interface OursOptions {
  readonly threads: number
  readonly work: string
  readonly say: (line: string) => void
  readonly memoryBytes?: number
}

export const plainSpec = (source: string, weights: WeightFormat) => ({ name: 'm', source, weights })

/** A sequence over these contexts that goes on after the end of its text. */
export const openStream = (
  engine: LocalEngine,
  terms: readonly LogitTerm[],
  seed: number,
  maxTokens: number,
  forks = 0,
): Sequence =>
  engine.open({ terms, sampling: { ...plainSampling, seed: BigInt(seed), maxTokens, ignoreEos: true }, forks })

export const baseTerm = (promptIds: readonly number[], model = 'm'): LogitTerm => ({
  model,
  adapter: undefined,
  promptIds,
  coefficient: 1,
})

const { signal } = new AbortController()

export async function prefill(engine: LocalEngine, sequences: readonly Sequence[]): Promise<void> {
  await advance(engine, sequences, 0)
}

/** Draws `tokens` more tokens of each, together; returns the seconds it took. */
export async function advance(engine: LocalEngine, sequences: readonly Sequence[], tokens: number): Promise<number> {
  const start = performance.now()
  await Promise.all(
    sequences.map(async (sequence) => {
      for await (const _ of engine.advance(sequence, tokens, signal));
    }),
  )
  return (performance.now() - start) / 1000
}

/** Tokens/s over all streams once their prompts are read; releases them. */
export async function decodeRate(engine: LocalEngine, sequences: readonly Sequence[], tokens: number): Promise<number> {
  try {
    await prefill(engine, sequences)
    return (sequences.length * tokens) / (await advance(engine, sequences, tokens))
  } finally {
    for (const sequence of sequences) engine.release(sequence)
  }
}
