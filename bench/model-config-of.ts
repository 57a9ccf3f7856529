import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { configJsonSchema } from '../src/decoding/checkpoint/config-json.ts'
import { type ModelConfig, parseModelConfig } from '../src/decoding/checkpoint/model-config.ts'

/** What a folder's config.json means. */
export const modelConfigOf = (folder: string): ModelConfig =>
  parseModelConfig(folder, configJsonSchema.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))))
