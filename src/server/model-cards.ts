import type { LoadedModel, ModelSpec } from '../decoding/local/engine-options.ts'
import type { ServedModel } from '../decoding/served-model.ts'
import { checkpointFingerprint } from './checkpoint-fingerprint.ts'
import type { ModelCard } from './engine-messages.ts'

/** The loaded models as the HTTP process knows them; sources must be folders. */
export function modelCards(
  loaded: ReadonlyMap<string, ServedModel | LoadedModel>,
  specs: readonly ModelSpec[],
): ModelCard[] {
  return [...loaded.values()].map((model) => {
    const { name, source, contextLength, chatTemplate } = model
    const adapters = specs.find((spec) => spec.name === name)?.adapters ?? []
    const checkpoint = checkpointFingerprint([source, ...adapters.map((adapter) => adapter.source)])
    const weights = 'weights' in model ? model.weights : 'upstream'
    return { name, weights, contextLength, hasChatTemplate: chatTemplate !== undefined, checkpoint }
  })
}
