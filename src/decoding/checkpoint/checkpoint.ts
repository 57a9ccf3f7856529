import { statSync } from 'node:fs'
import { join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import { type ChatTemplate, openChatTemplate } from './chat-template.ts'
import { configJsonSchema } from './config-json.ts'
import { hashFiles } from './content-hash.ts'
import { checkDecoderTensors } from './decoder-tensors.ts'
import { findEosTokenIds } from './eos-token-ids.ts'
import { type HubOptions, resolveFolder } from './hub.ts'
import { readJsonFile } from './json-file.ts'
import { type ModelConfig, parseModelConfig } from './model-config.ts'
import { openSafetensors } from './safetensors.ts'
import { openTokenizer, type TokenizerAdapter } from './tokenizer.ts'
import { readTokenizerConfig } from './tokenizer-json.ts'

/** Named tensors of one or more safetensors files; reading converts bf16 and fp16 to fp32. */
export interface TensorSource {
  /** Names present in the files. */
  readonly names: ReadonlySet<string>
  shape(name: string): readonly number[]
  /**
   * The tensor's values, row-major.
   * @throws CheckpointError when it is missing, has another shape, is cut off, or holds NaN or infinity
   */
  read(name: string, shape: readonly number[]): Float32Array
  close(): void
}

/** A Hugging Face causal-LM folder, opened: everything the engine needs, nothing of it converted yet. */
export interface Checkpoint {
  /** The folder or hub id it came from, as the user wrote it; for messages. */
  readonly source: string
  readonly folder: string
  readonly config: ModelConfig
  /** Its files stay open until `tensors.close()`. */
  readonly tensors: TensorSource
  readonly tokenizer: TokenizerAdapter
  readonly chatTemplate: ChatTemplate | undefined
  /** End-of-sequence ids: generation_config.json's, else config.json's, else the tokenizer's. */
  readonly eosTokenIds: readonly number[]
  /** Names of tensors that no part of the decoder reads, such as a value head: worth a note to the user. */
  readonly unusedTensors: readonly string[]
  /** SHA-256 over config and weight files: the identity of a prepared graph. */
  contentHash(): Promise<string>
}

/**
 * Opens a folder, or a hub id (`org/name` that is no folder here), which is downloaded first unless it already is.
 * Everything but the weights' values is checked.
 * @throws CheckpointError naming what is missing, damaged or not supported
 */
export async function openCheckpoint(source: string, options: HubOptions): Promise<Checkpoint> {
  const folder = await resolveFolder(source, options)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new CheckpointError(source, 'is neither a folder here nor a hub id (org/name)')
  }
  const json = readJsonFile(source, join(folder, 'config.json'), configJsonSchema)
  const config = parseModelConfig(source, json)
  const tokenizerConfig = readTokenizerConfig(source, folder)
  const tokenizer = openTokenizer(source, folder, tokenizerConfig)
  refuseOutgrownVocabulary(source, config, tokenizer)
  const chatTemplate = openChatTemplate(source, folder, tokenizerConfig)
  const eosTokenIds = findEosTokenIds(source, folder, json, tokenizer)
  const weights = openCheckedWeights(source, folder, config)
  const files = [join(folder, 'config.json'), ...weights.tensors.files]
  let hash: Promise<string> | undefined
  const contentHash = () => {
    hash ??= hashFiles(files)
    return hash
  }
  return { source, folder, config, tokenizer, chatTemplate, eosTokenIds, ...weights, contentHash }
}

function openCheckedWeights(source: string, folder: string, config: ModelConfig) {
  const tensors = openSafetensors(source, folder)
  try {
    return { tensors, unusedTensors: checkDecoderTensors(source, config, tensors) }
  } catch (error) {
    tensors.close()
    throw error
  }
}

/** An id without a row in the embedding matrix would be read from outside it. */
function refuseOutgrownVocabulary(source: string, config: ModelConfig, tokenizer: TokenizerAdapter): void {
  if (tokenizer.size <= config.vocabSize) return
  const id = tokenizer.size - 1
  throw new CheckpointError(
    source,
    `the tokenizer's token '${tokenizer.tokenOf(id)}' has id ${id}, but the embedding matrix only ${config.vocabSize} rows`,
  )
}
