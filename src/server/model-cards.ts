import type { LoadedModel, ModelSpec } from '../decoding/local/engine-options.ts'
import { checkpointFingerprint } from './checkpoint-fingerprint.ts'
import type { ModelCard } from './engine-messages.ts'

/** The loaded models as the HTTP process knows them; sources must be folders. */
export function modelCards(loaded: ReadonlyMap<string, LoadedModel>, specs: readonly ModelSpec[]): ModelCard[] {
  return [...loaded.values()].map(({ name, source, weights, contextLength, chatTemplate }) => {
    const adapters = specs.find((spec) => spec.name === name)?.adapters ?? []
    const checkpoint = checkpointFingerprint([source, ...adapters.map((adapter) => adapter.source)])
    return { name, weights, contextLength, hasChatTemplate: chatTemplate !== undefined, checkpoint }
  })
}
