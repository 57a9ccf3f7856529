import { CheckpointError } from '../errors.ts'
import {
  type DecoderHead,
  findHead,
  headKinds,
  headTensors,
  labelNames,
  refuseUnread,
  trunkOfModelType,
} from './classifier-head.ts'
import type { ClassifierJson } from './classifier-json.ts'
import { checkDecoderTensors } from './decoder-tensors.ts'
import { type EncoderArchitecture, type EncoderConfig, parseEncoderConfig } from './encoder-config.ts'
import { checkEncoderTensors, encoderOutput } from './encoder-tensors.ts'
import { type ModelConfig, parseModelConfig } from './model-config.ts'
import type { WeightFiles } from './weight-files.ts'

export type ClassifierNetwork =
  | { readonly family: 'decoder'; readonly config: ModelConfig; readonly head: DecoderHead }
  | { readonly family: 'encoder'; readonly config: EncoderConfig }

interface ReadNetwork {
  readonly network: ClassifierNetwork
  readonly labels: readonly string[]
}

/**
 * What network a config and its tensors are, and what its numbers are called.
 * @param adapted whether a score head was added to a causal model, whose config knows nothing of it
 * @throws CheckpointError naming the architecture, field or tensor that is missing, not supported or too many
 */
export function readNetwork(source: string, json: ClassifierJson, tensors: WeightFiles, adapted: boolean): ReadNetwork {
  const named = json.architectures?.[0] ?? ''
  if (tensors.names.has('value_head.weight')) return readPreference(source, json, named, tensors)
  const encoder = encoders.find((name) => name === named)
  if (encoder !== undefined) return readEncoder(source, json, encoder, tensors)
  const kind = headKinds[adapted ? named.replace(/ForCausalLM$/, 'ForSequenceClassification') : named]
  if (kind === undefined) throw new CheckpointError(source, unsupported(named))
  const head = findHead(source, kind.head, tensors)
  const config = trunkConfig(source, json, kind.trunk)
  const rows = readDecoder(source, named, config, head, tensors)
  const labels = labelNames(source, adapted ? {} : json, head.weight, rows)
  return { network: { family: 'decoder', config, head }, labels }
}

const encoders: readonly EncoderArchitecture[] = ['BertForSequenceClassification', 'RobertaForSequenceClassification']

function unsupported(named: string): string {
  const what = named === '' ? 'config.json names no architecture' : `architecture '${named}' is no supported classifier`
  const known = [...Object.keys(headKinds), ...encoders].join(', ')
  return `${what}; supported: ${known}, and causal models with a 'value_head.weight'`
}

/** The trunk alone: whether there is an output matrix of a language model does not matter. */
const trunkConfig = (source: string, json: ClassifierJson, trunk: ModelConfig['architecture']): ModelConfig =>
  parseModelConfig(source, { ...json, architectures: [trunk], tie_word_embeddings: true })

function readDecoder(source: string, named: string, config: ModelConfig, head: DecoderHead, tensors: WeightFiles) {
  const unread = checkDecoderTensors(source, config, tensors)
  const rows = tensors.shape(head.weight)[0] ?? 0
  for (const [name, shape] of headTensors(head, config.hiddenSize, rows)) tensors.check(name, shape)
  refuseUnread(source, named, unread, head)
  return rows
}

function readPreference(source: string, json: ClassifierJson, named: string, tensors: WeightFiles): ReadNetwork {
  const trunk = trunkOfModelType[json.model_type ?? '']
  if (trunk === undefined) {
    const known = Object.keys(trunkOfModelType).join(', ')
    throw new CheckpointError(source, `a value head on model_type '${json.model_type}'; supported: ${known}`)
  }
  const promptWeight = tensors.names.has('prompt_head.weight') ? 'prompt_head.weight' : undefined
  const head: DecoderHead = { kind: 'preference', weight: 'value_head.weight', promptWeight }
  const config = trunkConfig(source, json, trunk)
  const rows = readDecoder(source, named, config, head, tensors)
  if (rows % 2 !== 0)
    throw new CheckpointError(source, `'value_head.weight' has ${rows} rows; a preference embedding has an even number`)
  const labels = Array.from({ length: rows }, (_, i) => `v${i}`)
  return { network: { family: 'decoder', config, head }, labels }
}

function readEncoder(
  source: string,
  json: ClassifierJson,
  architecture: EncoderArchitecture,
  tensors: WeightFiles,
): ReadNetwork {
  const config = parseEncoderConfig(source, architecture, json)
  const weight = encoderOutput(architecture)
  if (!tensors.names.has(weight)) throw new CheckpointError(source, `tensor '${weight}' is missing`)
  const rows = tensors.shape(weight)[0] ?? 0
  checkEncoderTensors(source, config, rows, tensors)
  return { network: { family: 'encoder', config }, labels: labelNames(source, json, weight, rows) }
}
