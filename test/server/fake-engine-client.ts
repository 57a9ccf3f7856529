import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { EngineClient } from '../../src/server/engine-client.ts'
import type { EngineClientOptions } from '../../src/server/engine-client-options.ts'
import type { EngineSetup, GenerationEvent, GenerationRequest } from '../../src/server/engine-messages.ts'

/** The child's script of `EngineClient` in tests. */
export const entry = new URL('./fake-engine.mjs', import.meta.url)

/** The model's name says how the child behaves. */
export function setup(behaviour: string): EngineSetup {
  const model = { name: behaviour, source: '', weights: 'int8', adapters: [], contextLength: undefined } as const
  return {
    models: [model],
    upstreams: [],
    upstreamModels: [],
    promises: [],
    served: [],
    options: {} as EngineSetup['options'],
    rewards: new Map(),
    catalogue: { guides: new Map(), objectives: new Map() },
  }
}

export function request(text: string): GenerationRequest {
  const sampling = { seed: 2n ** 63n, logitBias: new Map([[1, 2]]) } as unknown as GenerationRequest['sampling']
  return { model: 'tiny', prompts: [{ type: 'text', text }], n: 1, sampling, defaultMaxTokens: 1, alignment: undefined }
}

export async function withClient(
  use: (client: EngineClient) => Promise<void>,
  options: EngineClientOptions = {},
  behaviour = 'good',
): Promise<void> {
  const client = new EngineClient(setup(behaviour), { entry, firstBackOffMs: 10, ...options })
  await client.start()
  try {
    await use(client)
  } finally {
    await client.close()
  }
}

export async function read(batches: AsyncIterable<readonly GenerationEvent[]>): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const batch of batches) events.push(...batch)
  return events
}

export async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await sleep(10)
  assert.ok(condition())
}

export const live = () => new AbortController().signal
