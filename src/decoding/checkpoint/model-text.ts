import { statSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { type ChatTemplate, openChatTemplate } from './chat-template.ts'
import { findEosTokenIds } from './eos-token-ids.ts'
import { readOptionalJsonFile } from './json-file.ts'
import { openTokenizer, type TokenizerAdapter } from './tokenizer.ts'
import { readTokenizerConfig } from './tokenizer-json.ts'

/** How a model's ids and messages become text and back: all that is needed of a model whose weights are elsewhere. */
export interface ModelText {
  readonly source: string
  readonly tokenizer: TokenizerAdapter
  readonly chatTemplate: ChatTemplate | undefined
  readonly eosTokenIds: readonly number[]
}

const configSchema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() })

/**
 * A folder with tokenizer.json, and where there are any tokenizer_config.json, chat_template.jinja, config.json and
 * generation_config.json.
 * @throws CheckpointError
 */
export function openModelText(folder: string): ModelText {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new CheckpointError(folder, 'is no folder; give one that has the model’s tokenizer.json')
  const config = readTokenizerConfig(folder, folder)
  const tokenizer = openTokenizer(folder, folder, config)
  const json = readOptionalJsonFile(folder, join(folder, 'config.json'), configSchema) ?? {}
  const eosTokenIds = findEosTokenIds(folder, folder, json, tokenizer)
  if (eosTokenIds.length === 0)
    throw new CheckpointError(folder, 'names no end-of-sequence token: answers would never end')
  return { source: folder, tokenizer, chatTemplate: openChatTemplate(folder, folder, config), eosTokenIds }
}
