import { CheckpointError } from '../errors.ts'
import type { EncoderArchitecture, EncoderConfig } from './encoder-config.ts'
import type { WeightFiles } from './weight-files.ts'

type NamedShape = readonly [name: string, shape: readonly number[]]

/** Buffers that old versions of transformers saved, and heads of the pre-training that nothing here reads. */
const unread = /^((bert|roberta)\.embeddings\.(position_ids|token_type_ids)$|roberta\.pooler\.|cls\.|lm_head\.)/

/** What the tensors' names begin with. */
export const encoderPrefix = (architecture: EncoderArchitecture): string =>
  architecture === 'BertForSequenceClassification' ? 'bert' : 'roberta'

/** Name and shape of every tensor that an encoder with its classification head is made of. */
export function encoderTensors(config: EncoderConfig, labels: number): Map<string, readonly number[]> {
  const { hiddenSize, vocabSize, positionRows, typeCount } = config
  const prefix = encoderPrefix(config.architecture)
  const tensors = new Map<string, readonly number[]>([
    [`${prefix}.embeddings.word_embeddings.weight`, [vocabSize, hiddenSize]],
    [`${prefix}.embeddings.position_embeddings.weight`, [positionRows, hiddenSize]],
    [`${prefix}.embeddings.token_type_embeddings.weight`, [typeCount, hiddenSize]],
    ...norm(`${prefix}.embeddings.LayerNorm`, hiddenSize),
  ])
  for (let layer = 0; layer < config.layerCount; layer++) {
    for (const [name, shape] of layerTensors(config)) tensors.set(`${prefix}.encoder.layer.${layer}.${name}`, shape)
  }
  for (const [name, shape] of headTensors(config, labels)) tensors.set(name, shape)
  return tensors
}

/** The name of the matrix whose rows are the labels. */
export const encoderOutput = (architecture: EncoderArchitecture): string =>
  architecture === 'BertForSequenceClassification' ? 'classifier.weight' : 'classifier.out_proj.weight'

/** @throws CheckpointError naming the first tensor that is missing, misshapen or too many */
export function checkEncoderTensors(source: string, config: EncoderConfig, labels: number, weights: WeightFiles): void {
  const expected = encoderTensors(config, labels)
  for (const [name, shape] of expected) weights.check(name, shape)
  const extra = [...weights.names].find((name) => !expected.has(name) && !unread.test(name))
  if (extra === undefined) return
  throw new CheckpointError(
    source,
    `tensor '${extra}' is not part of a ${config.architecture} as config.json describes it`,
  )
}

function layerTensors({ hiddenSize, intermediateSize }: EncoderConfig): NamedShape[] {
  return [
    ...dense('attention.self.query', hiddenSize, hiddenSize),
    ...dense('attention.self.key', hiddenSize, hiddenSize),
    ...dense('attention.self.value', hiddenSize, hiddenSize),
    ...dense('attention.output.dense', hiddenSize, hiddenSize),
    ...norm('attention.output.LayerNorm', hiddenSize),
    ...dense('intermediate.dense', intermediateSize, hiddenSize),
    ...dense('output.dense', hiddenSize, intermediateSize),
    ...norm('output.LayerNorm', hiddenSize),
  ]
}

function headTensors({ architecture, hiddenSize }: EncoderConfig, labels: number): NamedShape[] {
  if (architecture === 'BertForSequenceClassification')
    return [...dense('bert.pooler.dense', hiddenSize, hiddenSize), ...dense('classifier', labels, hiddenSize)]
  return [...dense('classifier.dense', hiddenSize, hiddenSize), ...dense('classifier.out_proj', labels, hiddenSize)]
}

const dense = (name: string, output: number, input: number): NamedShape[] => [
  [`${name}.weight`, [output, input]],
  [`${name}.bias`, [output]],
]

const norm = (name: string, size: number): NamedShape[] => [
  [`${name}.weight`, [size]],
  [`${name}.bias`, [size]],
]
