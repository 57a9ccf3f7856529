import { join } from 'node:path'
import { z } from 'zod'
import { readOptionalJsonFile } from './json-file.ts'
import type { DecoderJson } from './token-bytes.ts'

const decoderSchema: z.ZodType<DecoderJson> = z.looseObject({
  type: z.string(),
  get decoders() {
    return z.array(decoderSchema).optional()
  },
  pattern: z.looseObject({ String: z.string().optional() }).optional(),
  content: z.string().optional(),
  replacement: z.string().optional(),
})

const addedTokenSchema = z.looseObject({
  id: z.number().int().nonnegative(),
  content: z.string(),
  special: z.boolean().optional(),
})

/** tokenizer.json, as far as it is read here; the tokenizers library reads the rest. */
export const tokenizerJsonSchema = z.looseObject({
  added_tokens: z.array(addedTokenSchema).default([]),
  decoder: decoderSchema.nullable(),
  model: z.looseObject({ type: z.string().optional(), vocab: z.unknown() }),
})

/** A special token's name: a string, or an added token written out. */
const namedToken = z.union([z.string(), z.looseObject({ content: z.string() }).transform((token) => token.content)])
const optionalToken = namedToken.nullish().transform((token) => token ?? undefined)

const tokenizerConfigSchema = z.looseObject({
  bos_token: optionalToken,
  eos_token: optionalToken,
  pad_token: optionalToken,
  unk_token: optionalToken,
  chat_template: z.union([z.string(), z.array(z.looseObject({ name: z.string(), template: z.string() }))]).nullish(),
})

export type TokenizerJson = z.infer<typeof tokenizerJsonSchema>
/** tokenizer_config.json, as far as it is read. */
export type TokenizerConfigJson = z.infer<typeof tokenizerConfigSchema>

/** A folder's tokenizer_config.json; a folder without one has no named special tokens and no template. */
export function readTokenizerConfig(source: string, folder: string): TokenizerConfigJson {
  const path = join(folder, 'tokenizer_config.json')
  return readOptionalJsonFile(source, path, tokenizerConfigSchema) ?? tokenizerConfigSchema.parse({})
}
