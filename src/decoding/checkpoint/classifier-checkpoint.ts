import { statSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import type { ChatTemplate } from './chat-template.ts'
import type { TensorSource } from './checkpoint.ts'
import { isAdapterFolder, openScoreAdapter, type ScoreAdapter } from './classifier-adapter.ts'
import { classifierJsonSchema } from './classifier-json.ts'
import { type ClassifierNetwork, readNetwork } from './classifier-network.ts'
import { openConversationTemplate } from './classifier-template.ts'
import { type ClassifierTokenizer, openDecoderTokenizer, openEncoderTokenizer } from './classifier-tokenizer.ts'
import { hashFiles } from './content-hash.ts'
import { type HubOptions, isHubId, resolveFolder } from './hub.ts'
import { readJsonFile } from './json-file.ts'
import { openSafetensors } from './safetensors.ts'
import { readTokenizerConfig } from './tokenizer-json.ts'

/** A classifier's folder, opened and checked, nothing of it converted yet. */
export interface ClassifierCheckpoint {
  readonly source: string
  readonly network: ClassifierNetwork
  /** One name for each number that the head gives. */
  readonly labels: readonly string[]
  readonly maxPositions: number
  /** Where a text is pooled ends before tokens with this id, as in transformers. */
  readonly padTokenId: number | undefined
  readonly bosToken: string | undefined
  readonly eosToken: string | undefined
  readonly tensors: TensorSource
  readonly tokenizer: ClassifierTokenizer
  readonly chatTemplate: ChatTemplate | undefined
  contentHash(): Promise<string>
}

/**
 * Opens a folder or hub id of a classifier, or of a LoRA adapter with a score head, whose base is opened with it.
 * Everything but the weights' values is checked.
 * @throws CheckpointError naming what is missing, damaged or not supported
 */
export async function openClassifierCheckpoint(source: string, hub: HubOptions): Promise<ClassifierCheckpoint> {
  const folder = await existingFolder(source, hub)
  if (!isAdapterFolder(folder)) return openFolder(source, folder, folder, undefined)
  const adapter = openScoreAdapter(source, folder)
  try {
    return openFolder(source, await baseFolder(source, folder, adapter, hub), folder, adapter)
  } catch (error) {
    adapter.close()
    throw error
  }
}

async function existingFolder(source: string, hub: HubOptions): Promise<string> {
  const folder = await resolveFolder(source, hub)
  if (isFolder(folder)) return folder
  throw new CheckpointError(source, 'is neither a folder here nor a hub id (org/name)')
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** PEFT records the base's path as it was where the adapter was trained: it counts from the adapter's folder too. */
async function baseFolder(source: string, folder: string, adapter: ScoreAdapter, hub: HubOptions): Promise<string> {
  const { base } = adapter
  const beside = isAbsolute(base) ? base : join(folder, base)
  if (isFolder(beside)) return beside
  if (isFolder(base)) return base
  if (isHubId(base)) return await resolveFolder(base, hub)
  throw new CheckpointError(source, `adapter_config.json: its base '${base}' is neither a folder nor a hub id`)
}

function openFolder(
  source: string,
  folder: string,
  tokenizerFolder: string,
  adapter: ScoreAdapter | undefined,
): ClassifierCheckpoint {
  const json = readJsonFile(source, join(folder, 'config.json'), classifierJsonSchema)
  // an adapter's folder has its tokenizer only if that differs from the base's
  const home = hasTokenizer(tokenizerFolder) ? tokenizerFolder : folder
  const tokenizerConfig = readTokenizerConfig(source, home)
  const files = openSafetensors(source, folder)
  try {
    const tensors = adapter?.merged(files) ?? files
    const { network, labels } = readNetwork(source, json, tensors, adapter !== undefined)
    const encoder = network.family === 'encoder'
    const tokenizer = encoder
      ? openEncoderTokenizer(source, home, tokenizerConfig)
      : openDecoderTokenizer(source, home, tokenizerConfig)
    refuseOutgrownVocabulary(source, network.config.vocabSize, tokenizer)
    const hashed = [join(folder, 'config.json'), ...files.files, ...(adapter?.files ?? [])]
    let hash: Promise<string> | undefined
    return {
      source,
      network,
      labels,
      maxPositions: encoder ? network.config.positionRows - network.config.firstPosition : network.config.maxPositions,
      padTokenId: json.pad_token_id ?? undefined,
      bosToken: tokenizerConfig.bos_token,
      eosToken: tokenizerConfig.eos_token,
      tensors,
      tokenizer,
      chatTemplate: openConversationTemplate(source, home, tokenizerConfig),
      contentHash() {
        hash ??= hashFiles(hashed)
        return hash
      },
    }
  } catch (error) {
    files.close()
    throw error
  }
}

const hasTokenizer = (folder: string): boolean =>
  statSync(join(folder, 'tokenizer.json'), { throwIfNoEntry: false }) !== undefined

/** An id without a row in the embedding matrix would be read from outside it. */
function refuseOutgrownVocabulary(source: string, rows: number, tokenizer: ClassifierTokenizer): void {
  if (tokenizer.size <= rows) return
  const id = tokenizer.size - 1
  throw new CheckpointError(
    source,
    `the tokenizer's token '${tokenizer.tokenOf(id)}' has id ${id}, but the embedding matrix only ${rows} rows`,
  )
}
