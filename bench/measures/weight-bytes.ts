import { decoderTensors } from '../../src/decoding/checkpoint/decoder-tensors.ts'
import type { ModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import type { WeightFormat } from '../../src/decoding/local/engine-options.ts'

/** Bytes of weights that a step of any number of rows reads: every projection and the output matrix, with their scales. */
export function weightBytesPerStep(config: ModelConfig, format: WeightFormat): number {
  let bytes = matrixBytes(config.vocabSize, config.hiddenSize, format === 'fp32' ? 'fp32' : 'int8')
  for (const [output, input] of projections(config)) bytes += matrixBytes(output, input, format)
  return bytes
}

/** Multiply-adds of a drawn token, attention over its past aside. */
export const multiplyAddsPerToken = (config: ModelConfig): number =>
  multiplyAddsPerPromptToken(config) + config.vocabSize * config.hiddenSize

/** The same for a token of a prompt, which needs no logits. */
export const multiplyAddsPerPromptToken = (config: ModelConfig): number =>
  projections(config).reduce((sum, [output, input]) => sum + output * input, 0)

function projections(config: ModelConfig): (readonly [output: number, input: number])[] {
  return [...decoderTensors(config)]
    .filter(([name]) => name.endsWith('_proj.weight'))
    .map(([, [output, input]]) => [output!, input!] as const)
}

/** int8 and int4 have a float32 scale for each block of 32 weights, w8a8 one for each row. */
function matrixBytes(output: number, input: number, format: WeightFormat): number {
  const blockScales = 4 * output * Math.ceil(input / 32)
  switch (format) {
    case 'int8':
      return output * input + blockScales
    case 'int4':
      return (output * input) / 2 + blockScales
    case 'w8a8':
      return output * input + 4 * output
    case 'fp32':
      return 4 * output * input
  }
}

/** Bytes of keys and values, float32, that a sequence of this many tokens holds. */
export const kvBytes = ({ layerCount, kvHeadCount, headSize }: ModelConfig, tokens: number): number =>
  layerCount * 2 * kvHeadCount * headSize * 4 * tokens
