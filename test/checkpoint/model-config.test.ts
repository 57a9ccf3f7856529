import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { configJsonSchema } from '../../src/decoding/checkpoint/config-json.ts'
import { decoderTensors } from '../../src/decoding/checkpoint/decoder-tensors.ts'
import { parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import { ropeInverseFrequencies } from '../../src/decoding/checkpoint/rope.ts'
import { tinyConfig } from './fixtures.ts'

interface RecordedConfig {
  readonly name: string
  readonly config: Record<string, unknown>
  readonly expected: Record<string, unknown>
  readonly maxPositions: number
  readonly slidingWindow: number | null
  readonly tensors: Record<string, number[]>
  readonly inverseFrequencies: number[]
  readonly attentionFactor: number
}

const recorded = JSON.parse(readFileSync(new URL('../reference/configs.json', import.meta.url), 'utf8')) as {
  cases: RecordedConfig[]
}
const parse = (config: object) => parseModelConfig('m', configJsonSchema.parse(config))

describe('a config.json means what transformers reads in it', () => {
  for (const reference of recorded.cases) {
    test(reference.name, () => {
      const config = parse(reference.config)
      for (const [field, value] of Object.entries(reference.expected)) {
        assert.equal(config[field as keyof typeof config], value, field)
      }
      const limit = Math.min(reference.maxPositions, reference.slidingWindow ?? Number.POSITIVE_INFINITY)
      assert.equal(config.maxPositions, limit)
      const tensors = { ...reference.tensors }
      if (config.tiedEmbeddings) delete tensors['lm_head.weight']
      assert.deepEqual(Object.fromEntries(decoderTensors(config)), tensors)
    })
  }
})

describe('rotary frequencies are those of transformers to an ulp or two of fp32', () => {
  for (const reference of recorded.cases) {
    test(reference.name, () => {
      const { inverseFrequencies, attentionFactor } = ropeInverseFrequencies(parse(reference.config))
      assert.equal(inverseFrequencies.length, reference.inverseFrequencies.length)
      for (const [pair, expected] of reference.inverseFrequencies.entries()) {
        const difference = Math.abs(inverseFrequencies[pair]! / expected - 1)
        assert.ok(difference < 2.5e-7, `pair ${pair}: ${inverseFrequencies[pair]} for ${expected}`)
      }
      assert.ok(Math.abs(attentionFactor - reference.attentionFactor) < 1e-12)
    })
  }
})

describe('what is not supported is refused by name', () => {
  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['another architecture', { architectures: ['GemmaForCausalLM'] }, /'GemmaForCausalLM' is not supported/],
    ['no architecture', { architectures: null }, /names no architecture/],
    ['another activation', { hidden_act: 'gelu' }, /hidden_act 'gelu'/],
    ['quantised weights', { quantization_config: { quant_method: 'gptq', bits: 4 } }, /quantised \(gptq\)/],
    ['a dynamic rope', { rope_scaling: { type: 'dynamic', factor: 2 } }, /rope type 'dynamic'/],
    [
      'longrope',
      { rope_parameters: { rope_type: 'longrope', short_factor: [1], long_factor: [1] } },
      /rope type 'longrope'/,
    ],
    ['a scaling without its factor', { rope_scaling: { rope_type: 'linear' } }, /needs 'factor'/],
    ['mscale', { rope_scaling: { rope_type: 'yarn', factor: 2, mscale: 1 } }, /mscale/],
    ['partial rotary positions', { partial_rotary_factor: 0.5 }, /partial_rotary_factor 0.5/],
    ['heads that do not divide', { num_attention_heads: 4, num_key_value_heads: 3 }, /4 attention heads/],
    ['an odd head size', { head_dim: 7 }, /head_dim 7/],
    [
      'chunked attention',
      { architectures: ['Qwen3ForCausalLM'], layer_types: ['chunked_attention'] },
      /chunked_attention/,
    ],
  ]
  for (const [name, fields, message] of refused) {
    test(name, () => {
      assert.throws(() => parse(tinyConfig(fields)), { name: 'CheckpointError', message })
    })
  }
})

describe('sliding windows shorten the context to the part that full attention computes exactly', () => {
  const positions = (fields: Record<string, unknown>) => parse(tinyConfig(fields)).maxPositions

  test('Mistral attends within its window', () => {
    assert.equal(positions({ architectures: ['MistralForCausalLM'], sliding_window: 64 }), 64)
    assert.equal(positions({ architectures: ['MistralForCausalLM'], sliding_window: 4096 }), 256)
    assert.equal(positions({ architectures: ['MistralForCausalLM'], sliding_window: null }), 256)
  })

  test('Qwen2 ignores a window that is switched off or that no layer reaches', () => {
    const window = { architectures: ['Qwen2ForCausalLM'], sliding_window: 64 }
    assert.equal(positions({ ...window, use_sliding_window: false }), 256)
    assert.equal(positions({ ...window, use_sliding_window: true, max_window_layers: 2 }), 256)
    assert.equal(positions({ ...window, use_sliding_window: true, max_window_layers: 1 }), 64)
    assert.equal(positions({ ...window, layer_types: ['full_attention', 'full_attention'] }), 256)
  })
})
