import { join } from 'node:path'
import { openModelText } from '../../src/decoding/checkpoint/model-text.ts'
import { plainSampling } from '../../src/decoding/sampling-params.ts'
import { alignmentOptions } from '../../src/guidance/alignment-options.ts'
import type { Config } from '../../src/server/config.ts'
import { parseConfig } from '../../src/server/config-file.ts'
import type { AlignmentReport, GenerationEvent, GenerationRequest } from '../../src/server/engine-messages.ts'
import { engineSetup } from '../../src/server/engine-setup.ts'
import { openGenerationEngine } from '../../src/server/open-generation-engine.ts'
import type { GenerationEngine } from '../../src/server/plan-generation.ts'
import { runGeneration } from '../../src/server/run-generation.ts'
import { temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'
import { tinyEosId, tinyVocabularySize } from '../checkpoint/tiny-tokenizer.ts'
import { DoubleEngine, scrambledLaw } from './double-engine.ts'
import { EngineDouble } from './engine-double.ts'
import { vllmOptions } from './guided-double.ts'
import { type VllmOptions, vllmRoutes } from './vllm-double.ts'

const folder = temporaryFolder()
writeTinyCheckpoint(join(folder, 'base'))
writeTinyCheckpoint(join(folder, 'guide'), {}, { seed: 5 })
const text = openModelText(join(folder, 'base'))

/** Holds the checkpoints `base` and `guide`. */
export const steeredFolder = folder

/** A double of vLLM that serves `base` and an adapter of it with the tokenizer of the tiny checkpoints. */
export async function steeredDouble(change: Partial<VllmOptions> = {}) {
  const laws = new Map(['base', 'lora'].map((name) => [name, scrambledLaw(name, tinyVocabularySize)]))
  const engine = new DoubleEngine(laws, tinyVocabularySize, tinyEosId, 256)
  const options: VllmOptions = {
    ...vllmOptions,
    maxLogprobs: 64,
    encode: (one) => text.tokenizer.encode(one, false),
    render: (messages) => text.chatTemplate!.render(messages),
    ...change,
  }
  const double = new EngineDouble(vllmRoutes(engine, options))
  return { double, engine, options, url: await double.listen() }
}

/** Upstream model `gpu`, guided by a local model, by the upstream's adapter, and by a principle. */
export function steeredConfig(url: string, change: object = {}): Config {
  return parseConfig(
    {
      models: {
        gpu: { upstream: 'engine', name: 'base', tokenizer: join(folder, 'base') },
        'gpu-lora': { upstream: 'engine', name: 'lora', tokenizer: join(folder, 'base'), served: false },
        small: { path: join(folder, 'guide'), weights: 'fp32', served: false },
      },
      upstreams: { engine: { kind: 'vllm', urls: [url], health: { every_seconds: 0 }, breaker: { failures: 1000 } } },
      guides: {
        local: { kind: 'genarm', model: 'small' },
        adapter: { kind: 'genarm', model: 'gpu-lora' },
      },
      rewards: { brief: { kind: 'length', unit: 'characters', max: 10 } },
      engine: { memory: 2 ** 26, threads: 1, cache: join(folder, 'cache') },
      ...change,
    },
    'test',
  )
}

export async function openSteered(config: Config, onProgress: (message: string) => void = () => {}) {
  return await openGenerationEngine(engineSetup(config), onProgress)
}

export function steeredRequest(
  alignment: unknown,
  sampling: Partial<GenerationRequest['sampling']> = {},
): GenerationRequest {
  return {
    model: 'gpu',
    prompts: [{ type: 'messages', messages: [{ role: 'user', content: 'hello' }] }],
    n: 1,
    sampling: { ...plainSampling, seed: 3n, maxTokens: 12, ignoreEos: true, ...sampling },
    defaultMaxTokens: 12,
    alignment: alignmentOptions.parse(alignment),
  }
}

export interface Ran {
  readonly text: string
  readonly events: readonly GenerationEvent[]
  readonly alignment: AlignmentReport | undefined
}

export async function run(engine: GenerationEngine, request: GenerationRequest, signal = new AbortController().signal) {
  const events: GenerationEvent[] = []
  await runGeneration(engine, request, (event) => events.push(event), signal)
  const end = events.at(-1)!
  const text = events.map((event) => (event.type === 'choice-delta' ? event.text : '')).join('')
  return { text, events, alignment: end.type === 'generation-end' ? end.alignment : undefined } satisfies Ran
}
