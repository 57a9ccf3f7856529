import { CheckpointError } from '../decoding/errors.ts'
import type { ServedModel } from '../decoding/served-model.ts'
import type { ToolOffer } from '../decoding/tool-calls.ts'
import type { GuideCatalogue } from '../guidance/guide-catalogue.ts'
import type { ModelDirectory } from '../guidance/prompt-source.ts'
import { refuseHopelessPrompt } from './hopeless-prompt.ts'
import { vocabularyDifference } from './vocabulary.ts'

type Models = ReadonlyMap<string, ServedModel>

/** The loaded models as guides see them. */
export function modelDirectory(models: Models): ModelDirectory {
  return directoryOf(models, new Map(), undefined)
}

function directoryOf(models: Models, compared: Map<string, boolean>, offer: ToolOffer | undefined): ModelDirectory {
  return {
    names: [...models.keys()],
    sharesVocabulary(model, other) {
      const pair = JSON.stringify([model, other])
      const known = compared.get(pair)
      if (known !== undefined) return known
      const same = vocabularyDifference(find(models, model).tokenizer, find(models, other).tokenizer) === undefined
      compared.set(pair, same)
      return same
    },
    hasChatTemplate: (model) => find(models, model).chatTemplate !== undefined,
    renderAndEncode(model, messages) {
      const loaded = find(models, model)
      if (loaded.chatTemplate === undefined) throw new Error(`The model '${model}' has no chat template.`)
      const text = loaded.chatTemplate.render(messages, offer?.definitions)
      refuseHopelessPrompt(text, loaded)
      return loaded.tokenizer.encode(text, false)
    },
    withTools: (offered) => directoryOf(models, compared, offered),
  }
}

/**
 * Refuses at load what no request could use: a guide whose model shares its vocabulary with no served model.
 * @throws CheckpointError showing the differing ids
 */
export function assertGuidesFit(models: Models, served: readonly string[], catalogue: GuideCatalogue): void {
  for (const [name, guide] of catalogue.guides) {
    if (guide.kind !== 'genarm' && guide.kind !== 'unir') continue
    const { tokenizer } = find(models, guide.model)
    const differences = served.map(
      (base) => [base, vocabularyDifference(find(models, base).tokenizer, tokenizer)] as const,
    )
    if (differences.some(([, difference]) => difference === undefined)) continue
    const [base, difference] = differences[0] ?? ['', 'no model is served']
    throw new CheckpointError(
      find(models, guide.model).source,
      `the guide '${name}' has another vocabulary than the model '${base}': ${difference} differ (base / guide)`,
    )
  }
}

function find(models: Models, name: string): ServedModel {
  const found = models.get(name)
  if (found === undefined) throw new Error(`The model '${name}' is not loaded.`)
  return found
}
