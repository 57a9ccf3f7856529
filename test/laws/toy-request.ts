import type { ChatMessage } from '../../src/decoding/checkpoint/chat-template.ts'
import { type Alignment, align } from '../../src/guidance/alignment.ts'
import { type AlignmentOptions, alignmentOptions } from '../../src/guidance/alignment-options.ts'
import type { GuideCatalogue, GuideDefinition, Objective } from '../../src/guidance/guide-catalogue.ts'
import type { PromptSource } from '../../src/guidance/prompt-source.ts'
import { scrambledModel, type ToyModels, toyDirectory } from './toy-models.ts'

export const messages: readonly ChatMessage[] = [{ role: 'user', content: 'hi' }]

/** Three tokens; `base` and others that differ from it and from each other in every context. */
export const scrambled: ToyModels = new Map(
  ['base', 'arm', 'other', 'module', 'tuned', 'untuned'].map((name) => [name, scrambledModel(name, 3)]),
)

export const catalogue: GuideCatalogue = {
  guides: new Map<string, GuideDefinition>([
    ['positive', { kind: 'genarm', model: 'base', adapter: 'positive', template: 'base' }],
    ['formal', { kind: 'genarm', model: 'base', adapter: 'formal', template: 'base' }],
    ['arm', { kind: 'genarm', model: 'arm', adapter: undefined, template: 'base' }],
    ['own-arm', { kind: 'genarm', model: 'arm', adapter: undefined, template: 'own' }],
    ['reasoner', { kind: 'unir', model: 'module', adapter: undefined }],
    ['proxy', { kind: 'contrast', tuned: 'tuned', untuned: 'untuned' }],
    ['brief', { kind: 'principle', text: 'Be brief.' }],
  ]),
  objectives: new Map<string, Objective>([
    ['kind', { guide: 'positive', scale: 2 }],
    ['sound', { guide: 'reasoner', scale: 1 }],
  ]),
}

/** The chat request that all toy tests align: its base reads the model's own rendering of `messages`. */
export const prompt: PromptSource = {
  base: {
    model: 'base',
    adapter: undefined,
    promptIds: toyDirectory(scrambled).renderAndEncode('base', messages),
  },
  messages,
}

/** The request's JSON through the real schema and the real alignment. */
export function aligned(json: unknown, changes: { prompt?: PromptSource; catalogue?: GuideCatalogue } = {}): Alignment {
  return align(parsed(json), changes.catalogue ?? catalogue, changes.prompt ?? prompt, toyDirectory(scrambled))
}

export function parsed(json: unknown): AlignmentOptions {
  return alignmentOptions.parse(json)
}
