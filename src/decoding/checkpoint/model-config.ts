import { CheckpointError } from '../errors.ts'
import { attentionLimit } from './attention-window.ts'
import type { ConfigJson } from './config-json.ts'
import { parseRope, type RopeScaling } from './rope-config.ts'

export type DecoderArchitecture = 'LlamaForCausalLM' | 'Qwen2ForCausalLM' | 'Qwen3ForCausalLM' | 'MistralForCausalLM'

/** Everything of a config.json that decides the shape of a decoder's graph. */
export interface ModelConfig {
  readonly architecture: DecoderArchitecture
  readonly hiddenSize: number
  readonly layerCount: number
  readonly headCount: number
  readonly kvHeadCount: number
  readonly headSize: number
  readonly intermediateSize: number
  /** Rows of the embedding matrix; may exceed the tokenizer's length by padding rows. */
  readonly vocabSize: number
  /** The longest context served exactly: the trained one, or a sliding attention window where that is shorter. */
  readonly maxPositions: number
  readonly rmsNormEps: number
  readonly ropeTheta: number
  readonly ropeScaling: RopeScaling | undefined
  readonly tiedEmbeddings: boolean
  /** Biases on q, k and v. */
  readonly qkvBias: boolean
  /** Bias on the attention's output projection. */
  readonly outputBias: boolean
  readonly mlpBias: boolean
  /** RMS norms on each head's query and key (Qwen3). */
  readonly qkNorm: boolean
}

/** What a config class of transformers 5 assumes where config.json is silent. */
interface ArchitectureDefaults {
  readonly hiddenSize: number
  readonly intermediateSize: number
  readonly vocabSize: number
  readonly maxPositions: number
  /** For a config without the field; an explicit null always means one per query head. */
  readonly kvHeadCount: number | undefined
  readonly headSize: number | undefined
}

const qwen = { hiddenSize: 4096, intermediateSize: 22016, vocabSize: 151936, maxPositions: 32768, kvHeadCount: 32 }
const llama = { hiddenSize: 4096, intermediateSize: 11008, vocabSize: 32000, maxPositions: 2048 }

const defaults: Readonly<Record<DecoderArchitecture, ArchitectureDefaults>> = {
  LlamaForCausalLM: { ...llama, kvHeadCount: undefined, headSize: undefined },
  Qwen2ForCausalLM: { ...qwen, headSize: undefined },
  Qwen3ForCausalLM: { ...qwen, headSize: 128 },
  MistralForCausalLM: { ...llama, intermediateSize: 14336, maxPositions: 131072, kvHeadCount: 8, headSize: undefined },
}

/**
 * What a decoder's config.json means, with transformers' defaults for what it leaves out.
 * @throws CheckpointError naming the first thing in it that is not supported or contradicts itself
 */
export function parseModelConfig(source: string, json: ConfigJson): ModelConfig {
  const architecture = supportedArchitecture(source, json)
  refuseUnsupported(source, json)
  const assumed = defaults[architecture]
  const trainedPositions = json.max_position_embeddings ?? assumed.maxPositions
  const rope = parseRope(source, json, trainedPositions)
  const config: ModelConfig = {
    architecture,
    layerCount: json.num_hidden_layers ?? 32,
    intermediateSize: json.intermediate_size ?? assumed.intermediateSize,
    vocabSize: json.vocab_size ?? assumed.vocabSize,
    maxPositions: Math.min(trainedPositions, attentionLimit(source, architecture, json)),
    rmsNormEps: json.rms_norm_eps ?? 1e-6,
    ropeTheta: rope.theta,
    ropeScaling: rope.scaling,
    tiedEmbeddings: json.tie_word_embeddings ?? false,
    ...parseHeads(json, assumed),
    ...parseExtras(architecture, json),
  }
  checkHeads(source, config)
  return config
}

function supportedArchitecture(source: string, json: ConfigJson): DecoderArchitecture {
  const known = Object.keys(defaults) as DecoderArchitecture[]
  const named = json.architectures?.[0]
  const architecture = known.find((name) => name === named)
  if (architecture !== undefined) return architecture
  const message = named === undefined ? `config.json names no architecture` : `architecture '${named}' is not supported`
  throw new CheckpointError(source, `${message}; supported: ${known.join(', ')}`)
}

function refuseUnsupported(source: string, json: ConfigJson): void {
  const activation = json.hidden_act ?? 'silu'
  if (activation !== 'silu' && activation !== 'swish') {
    throw new CheckpointError(source, `config.json: hidden_act '${activation}' is not supported, only silu`)
  }
  if (json.quantization_config !== undefined && json.quantization_config !== null) {
    const method = json.quantization_config.quant_method ?? 'an unnamed method'
    throw new CheckpointError(
      source,
      `its weights are quantised (${method}), which is not supported: give the bf16, fp16 or fp32 checkpoint`,
    )
  }
}

function parseHeads(json: ConfigJson, assumed: ArchitectureDefaults) {
  const hiddenSize = json.hidden_size ?? assumed.hiddenSize
  const headCount = json.num_attention_heads ?? 32
  const kvHeadCount = json.num_key_value_heads === undefined ? assumed.kvHeadCount : json.num_key_value_heads
  const headSize = json.head_dim ?? assumed.headSize ?? Math.floor(hiddenSize / headCount)
  return { hiddenSize, headCount, kvHeadCount: kvHeadCount ?? headCount, headSize }
}

/** Which architectures read the bias fields, and Qwen2's biases that no field decides. */
function parseExtras(architecture: DecoderArchitecture, json: ConfigJson) {
  const readsAttentionBias = architecture === 'LlamaForCausalLM' || architecture === 'Qwen3ForCausalLM'
  const attentionBias = readsAttentionBias && (json.attention_bias ?? false)
  return {
    qkvBias: architecture === 'Qwen2ForCausalLM' || attentionBias,
    outputBias: attentionBias,
    mlpBias: architecture === 'LlamaForCausalLM' && (json.mlp_bias ?? false),
    qkNorm: architecture === 'Qwen3ForCausalLM',
  }
}

function checkHeads(source: string, config: ModelConfig): void {
  if (config.headCount % config.kvHeadCount !== 0) {
    throw new CheckpointError(
      source,
      `config.json: ${config.headCount} attention heads do not share ${config.kvHeadCount} key-value heads evenly`,
    )
  }
  if (config.headSize % 2 !== 0) {
    throw new CheckpointError(source, `config.json: head_dim ${config.headSize} is odd; rotary positions need pairs`)
  }
}
