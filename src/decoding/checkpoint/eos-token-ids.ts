import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import type { ConfigJson } from './config-json.ts'
import { readOptionalJsonFile } from './json-file.ts'
import type { TokenizerAdapter } from './tokenizer.ts'

const ids = z.union([z.number().int(), z.array(z.number().int())])
const generationConfigSchema = z.looseObject({ eos_token_id: ids.nullish() })

/**
 * The ids that end an answer: generation_config.json's, else config.json's, else the tokenizer's.
 * @throws CheckpointError when one is not in the vocabulary
 */
export function findEosTokenIds(
  source: string,
  folder: string,
  config: Pick<ConfigJson, 'eos_token_id'>,
  tokenizer: TokenizerAdapter,
): readonly number[] {
  const generation = readOptionalJsonFile(source, join(folder, 'generation_config.json'), generationConfigSchema)
  const found = [generation?.eos_token_id ?? config.eos_token_id ?? tokenizer.eosTokenId ?? []].flat()
  const unknown = found.find((id) => tokenizer.tokenOf(id) === undefined)
  if (unknown === undefined) return [...new Set(found)]
  throw new CheckpointError(source, `eos_token_id ${unknown} is not in the tokenizer's vocabulary`)
}
