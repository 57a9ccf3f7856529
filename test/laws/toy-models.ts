import type { ChatMessage } from '../../src/decoding/checkpoint/chat-template.ts'
import type { ModelDirectory } from '../../src/guidance/prompt-source.ts'
import type { TermContext } from '../../src/guidance/tilt.ts'

/** A language model small enough to enumerate: logits over V tokens for every prompt and prefix. */
export interface ToyModel {
  logits(context: TermContext, prefix: readonly number[]): Float64Array
}

export type ToyModels = ReadonlyMap<string, ToyModel>

/** Log-probabilities by prefix, such as { '': [.6, .4], '0': [.5, .5] }; the prompt and the adapter make no difference. */
export function tableModel(table: Readonly<Record<string, readonly number[]>>): ToyModel {
  return { logits: (_, prefix) => Float64Array.from(table[prefix.join('')]!, Math.log) }
}

/** Logits in [-2, 2) that depend, without any pattern, on name, adapter, prompt and prefix. */
export function scrambledModel(name: string, vocabSize: number): ToyModel {
  return {
    logits: ({ adapter, promptIds }, prefix) =>
      Float64Array.from({ length: vocabSize }, (_, token) => {
        const key = [name, adapter ?? '', promptIds.join(','), prefix.join(','), token].join('|')
        return 4 * scramble(key) - 2
      }),
  }
}

/** FNV-1a with a final avalanche, as a number in [0, 1). */
function scramble(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}

/** All toys share one vocabulary; a model's own template starts its prompts with the model's number. */
export function toyDirectory(models: ToyModels): ModelDirectory {
  const names = [...models.keys()]
  return {
    names,
    sharesVocabulary: () => true,
    hasChatTemplate: () => true,
    renderAndEncode: (model, messages) => [names.indexOf(model), ...encodeMessages(messages)],
    withTools: () => toyDirectory(models),
  }
}

function encodeMessages(messages: readonly ChatMessage[]): number[] {
  return messages.flatMap(({ role, content }) => [role.length, ...new TextEncoder().encode(content)])
}
