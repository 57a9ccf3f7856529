import { CheckpointError } from '../errors.ts'
import type { ClassifierJson } from './classifier-json.ts'

export type EncoderArchitecture = 'BertForSequenceClassification' | 'RobertaForSequenceClassification'

/** Everything of a config.json that decides the shape of an encoder's graph. */
export interface EncoderConfig {
  readonly architecture: EncoderArchitecture
  readonly hiddenSize: number
  readonly layerCount: number
  readonly headCount: number
  readonly intermediateSize: number
  readonly vocabSize: number
  /** Rows of the position embeddings. */
  readonly positionRows: number
  /** The first token's row among them: RoBERTa counts from padding_idx + 1. */
  readonly firstPosition: number
  /** Id of the padding token, which RoBERTa's positions leave out. */
  readonly padTokenId: number
  readonly typeCount: number
  readonly layerNormEps: number
  readonly activation: EncoderActivation
}

export type EncoderActivation = 'gelu' | 'gelu_tanh' | 'relu'

const activations: Readonly<Record<string, EncoderActivation>> = {
  gelu: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  relu: 'relu',
}

/**
 * What an encoder's config.json means, with transformers' defaults for what it leaves out.
 * @throws CheckpointError naming the first thing in it that is not supported or contradicts itself
 */
export function parseEncoderConfig(
  source: string,
  architecture: EncoderArchitecture,
  json: ClassifierJson,
): EncoderConfig {
  refuseUnsupported(source, json)
  const roberta = architecture === 'RobertaForSequenceClassification'
  const padTokenId = json.pad_token_id ?? (roberta ? 1 : 0)
  const config: EncoderConfig = {
    architecture,
    hiddenSize: json.hidden_size ?? 768,
    layerCount: json.num_hidden_layers ?? 12,
    headCount: json.num_attention_heads ?? 12,
    intermediateSize: json.intermediate_size ?? 3072,
    vocabSize: json.vocab_size ?? (roberta ? 50265 : 30522),
    positionRows: json.max_position_embeddings ?? 512,
    firstPosition: roberta ? padTokenId + 1 : 0,
    padTokenId,
    typeCount: json.type_vocab_size ?? 2,
    layerNormEps: json.layer_norm_eps ?? 1e-12,
    activation: activations[json.hidden_act ?? 'gelu']!,
  }
  if (config.hiddenSize % config.headCount === 0) return config
  throw new CheckpointError(
    source,
    `config.json: hidden_size ${config.hiddenSize} is no multiple of ${config.headCount} attention heads`,
  )
}

function refuseUnsupported(source: string, json: ClassifierJson): void {
  const refuse = (what: string) => new CheckpointError(source, `config.json: ${what} is not supported`)
  const activation = json.hidden_act ?? 'gelu'
  if (activations[activation] === undefined) throw refuse(`hidden_act '${activation}'`)
  const positions = json.position_embedding_type ?? 'absolute'
  if (positions !== 'absolute') throw refuse(`position_embedding_type '${positions}'`)
  if (json.is_decoder === true) throw refuse('is_decoder')
  if (json.add_cross_attention === true) throw refuse('add_cross_attention')
  if (json.quantization_config !== undefined && json.quantization_config !== null) throw refuse('quantization_config')
}
