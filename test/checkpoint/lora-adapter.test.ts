import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { configJsonSchema } from '../../src/decoding/checkpoint/config-json.ts'
import { openLoraAdapter } from '../../src/decoding/checkpoint/lora-adapter.ts'
import { parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import { temporaryFolder, tinyConfig } from './fixtures.ts'
import { type TinyAdapter, tinyAdapterTensors, writeTinyAdapter } from './tiny-adapter.ts'

const base = parseModelConfig('base', configJsonSchema.parse(tinyConfig()))

function open(adapter: TinyAdapter = {}) {
  const folder = temporaryFolder()
  writeTinyAdapter(folder, adapter)
  return openLoraAdapter(folder, base, { cacheFolder: folder })
}

const refuses = (adapter: TinyAdapter, message: RegExp) =>
  assert.rejects(open(adapter), { name: 'CheckpointError', message })
const prefix = 'base_model.model.model.layers'

describe('an adapter opens', () => {
  test('with the pairs of the projections it adapts', async () => {
    const { pairs } = await open()
    assert.deepEqual([...pairs.keys()].sort(), ['0.down_proj', '0.q_proj', '1.down_proj', '1.q_proj'])
    const pair = pairs.get('1.down_proj')
    const tensors = tinyAdapterTensors({})
    assert.deepEqual(pair?.a, tensors[`${prefix}.1.mlp.down_proj.lora_A.weight`]?.values)
    assert.deepEqual(pair?.b, tensors[`${prefix}.1.mlp.down_proj.lora_B.weight`]?.values)
    assert.equal(pair?.rank, 4)
    assert.equal(pair?.scale, 2)
  })

  test('with the scale of rank-stabilised LoRA', async () => {
    const { pairs } = await open({ config: { use_rslora: true } })
    assert.equal(pairs.get('0.q_proj')?.scale, 4)
  })

  test('with ranks and alphas by pattern, the last parts of a name or a regular expression', async () => {
    const patterns = { rank_pattern: { q_proj: 2 }, alpha_pattern: { 'layers\\.1\\.mlp\\.(up|down)_proj': 12 } }
    const { pairs } = await open({ config: patterns, ranks: { q_proj: 2 } })
    assert.deepEqual([pairs.get('0.q_proj')?.rank, pairs.get('0.q_proj')?.scale], [2, 4])
    assert.equal(pairs.get('0.down_proj')?.scale, 2)
    assert.equal(pairs.get('1.down_proj')?.scale, 3)
  })

  test('and is known by its content', async () => {
    const hash = await (await open()).contentHash()
    assert.equal(await (await open()).contentHash(), hash)
    assert.notEqual(await (await open({ config: { lora_alpha: 4 } })).contentHash(), hash)
  })
})

describe('an adapter of another kind is refused by name', () => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ peft_type: 'IA3' }, /peft_type 'IA3'/],
    [{ use_dora: true }, /use_dora/],
    [{ bias: 'all' }, /bias 'all'/],
    [{ modules_to_save: ['lm_head'] }, /modules_to_save/],
    [{ fan_in_fan_out: true }, /fan_in_fan_out/],
    [{ init_lora_weights: 'pissa' }, /init_lora_weights 'pissa'/],
    [{ layer_replication: [[0, 1]] }, /layer_replication/],
    [{ r: 0 }, /field 'r'/],
  ]
  for (const [config, message] of cases) {
    test(JSON.stringify(config), async () => {
      await refuses({ config }, message)
    })
  }

  test('fields that are merely switched off are no reason', async () => {
    await open({ config: { use_dora: false, modules_to_save: null, layer_replication: null, init_lora_weights: true } })
  })
})

describe('an adapter that does not fit its base is refused with the tensor', () => {
  test('of another width', async () => {
    const name = `${prefix}.0.self_attn.q_proj.lora_A.weight`
    const tensors = { [name]: { shape: [4, 48], values: new Float32Array(192) } }
    await refuses({ tensors }, /another base: tensor '.*0\.self_attn\.q_proj\.lora_A.*shape \[4, 48\].*\[4, 32\]/)
  })

  test('of another rank than its config says', async () => {
    await refuses({ config: { r: 8 } }, /shape \[4, 32\]; the base and rank 8 ask for \[8, 32\]/)
  })

  test('with more layers', async () => {
    await refuses({ layers: 3 }, /another base: tensor '.*layers\.2\..*the base has 2 layers/)
  })

  test('with half a pair, or nothing', async () => {
    await refuses({ without: [`${prefix}.0.self_attn.q_proj.lora_B.weight`] }, /q_proj\.lora_B\.weight' is missing/)
    await refuses({ layers: 0 }, /no tensors/)
  })

  test('with tensors on other modules', async () => {
    const one = { shape: [1], values: [0] }
    await refuses({ tensors: { 'base_model.model.lm_head.lora_A.weight': one } }, /an adapter on lm_head/)
    await refuses({ tensors: { [`${prefix}.0.self_attn.q_proj.bias`]: one } }, /q_proj\.bias' is not a LoRA matrix/)
  })

  test('with values that are not numbers', async () => {
    const name = `${prefix}.0.self_attn.q_proj.lora_A.weight`
    await refuses({ tensors: { [name]: { shape: [4, 32], values: new Float32Array(128).fill(Number.NaN) } } }, /NaN/)
  })
})

test('an adapter that is only pickled is refused with the way out', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ peft_type: 'LORA', r: 4, lora_alpha: 8 }))
  writeFileSync(join(folder, 'adapter_model.bin'), '')
  await assert.rejects(openLoraAdapter(folder, base, { cacheFolder: folder }), /convert them to safetensors/)
})
