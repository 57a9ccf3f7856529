import { CheckpointError } from '../errors.ts'
import type { ModelConfig } from './model-config.ts'
import type { WeightFiles } from './weight-files.ts'

/** Buffers that old versions of transformers saved although they follow from the config. */
const derivedBuffer = /^model\.(layers\.\d+\.self_attn\.)?rotary_emb\.(inv_freq|cos_cached|sin_cached)$/

/** Name and shape of every tensor that a decoder of this config is made of, as transformers names them. */
export function decoderTensors(config: ModelConfig): Map<string, readonly number[]> {
  const tensors = new Map<string, readonly number[]>()
  tensors.set('model.embed_tokens.weight', [config.vocabSize, config.hiddenSize])
  for (let layer = 0; layer < config.layerCount; layer++) {
    for (const [name, shape] of layerTensors(config)) tensors.set(`model.layers.${layer}.${name}`, shape)
  }
  tensors.set('model.norm.weight', [config.hiddenSize])
  if (!config.tiedEmbeddings) tensors.set('lm_head.weight', [config.vocabSize, config.hiddenSize])
  return tensors
}

/**
 * Makes sure before anything is converted that all tensors are there in the right shapes, and that no layer has
 * tensors which the config does not mention: they would change the numbers.
 * @returns names outside the layers that nothing reads, such as a further head
 * @throws CheckpointError naming the first tensor that is missing, misshapen or too many
 */
export function checkDecoderTensors(source: string, config: ModelConfig, weights: WeightFiles): string[] {
  const expected = decoderTensors(config)
  for (const [name, shape] of expected) weights.check(name, shape)
  const extra = [...weights.names].filter((name) => !expected.has(name) && !derivedBuffer.test(name))
  const unused = extra.filter((name) => !(config.tiedEmbeddings && name === 'lm_head.weight'))
  const wrong = unused.find((name) => name.startsWith('model.layers.'))
  if (wrong === undefined) return unused
  const shape = weights.shape(wrong).join(', ')
  throw new CheckpointError(
    source,
    `tensor '${wrong}' of shape [${shape}] is not part of a ${config.architecture} as config.json describes it`,
  )
}

function layerTensors(config: ModelConfig): [string, readonly number[]][] {
  const { hiddenSize, intermediateSize, headSize } = config
  const querySize = config.headCount * headSize
  const keySize = config.kvHeadCount * headSize
  const linear = (name: string, output: number, input: number, bias: boolean): [string, readonly number[]][] => [
    [`${name}.weight`, [output, input]],
    ...(bias ? [[`${name}.bias`, [output]] as [string, readonly number[]]] : []),
  ]
  return [
    ['input_layernorm.weight', [hiddenSize]],
    ...linear('self_attn.q_proj', querySize, hiddenSize, config.qkvBias),
    ...linear('self_attn.k_proj', keySize, hiddenSize, config.qkvBias),
    ...linear('self_attn.v_proj', keySize, hiddenSize, config.qkvBias),
    ...linear('self_attn.o_proj', hiddenSize, querySize, config.outputBias),
    ...(config.qkNorm ? headNorms(headSize) : []),
    ['post_attention_layernorm.weight', [hiddenSize]],
    ...linear('mlp.gate_proj', intermediateSize, hiddenSize, config.mlpBias),
    ...linear('mlp.up_proj', intermediateSize, hiddenSize, config.mlpBias),
    ...linear('mlp.down_proj', hiddenSize, intermediateSize, config.mlpBias),
  ]
}

function headNorms(headSize: number): [string, readonly number[]][] {
  return [
    ['self_attn.q_norm.weight', [headSize]],
    ['self_attn.k_norm.weight', [headSize]],
  ]
}
