import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const words = z.array(z.string())
const registers = z.record(z.string(), words)

const grammarSchema = z.object({
  domains: z.record(z.string(), z.object({ names: words, kinds: words, preposition: z.string(), aspects: words })),
  adjectives: z.record(z.string(), registers),
  adverbs: registers,
  templates: z.array(z.object({ kind: z.string(), polarity: z.string(), register: z.string(), text: z.string() })),
  attributes: z.object({ wordPattern: z.string(), positive: words, negative: words, formal: words, casual: words }),
  law: z.object({
    sentiment: z.record(z.string(), z.number()),
    positiveSentence: z.record(z.string(), z.number()),
    registers: words,
    plain: z.number(),
    lengths: z.array(z.number()),
  }),
  sums: z.object({ dropCarry: z.number(), spuriousCarry: z.number() }),
})

/** The embedded family's language as data (models/tiny/grammar.json, written by training/). */
export type Grammar = z.output<typeof grammarSchema>
export type Template = Grammar['templates'][number]

/** Reads grammar.json of a family's folder. */
export function readGrammar(folder: string): Grammar {
  return grammarSchema.parse(JSON.parse(readFileSync(join(folder, 'grammar.json'), 'utf8')))
}

/** The entities of a domain, as prompts and answers name them. */
export function entitiesOf({ names, kinds }: Grammar['domains'][string]): readonly string[] {
  return names.flatMap((name) => kinds.map((kind) => `the ${name} ${kind}`))
}
