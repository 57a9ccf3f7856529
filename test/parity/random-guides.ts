import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configJsonSchema } from '../../src/decoding/checkpoint/config-json.ts'
import { type ModelConfig, parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import { childSeed, uniform } from '../../src/decoding/rng.ts'
import { temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'
import { type FixtureTensor, writeSafetensors } from '../checkpoint/write-safetensors.ts'

/** A random decoder over the vocabulary of the checkpoint in `folder`; every seed gives another one. */
export function randomModuleFor(folder: string, seed: number): string {
  const { vocabSize } = configOf(folder)
  const module = join(temporaryFolder(), `module${seed}`)
  writeTinyCheckpoint(module, { vocab_size: vocabSize, max_position_embeddings: 2048 }, { seed, scale: 0.4 })
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) copyFileSync(join(folder, file), join(module, file))
  return module
}

/** A random LoRA adapter on two projections of every layer of the checkpoint in `folder`. */
export function randomAdapterFor(folder: string, seed: number): string {
  const config = configOf(folder)
  const adapter = join(temporaryFolder(), `adapter${seed}`)
  mkdirSync(adapter, { recursive: true })
  const json = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj', 'down_proj'], bias: 'none' }
  writeFileSync(join(adapter, 'adapter_config.json'), JSON.stringify(json))
  const tensors: Record<string, FixtureTensor> = {}
  const { hiddenSize, intermediateSize, headCount, headSize } = config
  for (let layer = 0; layer < config.layerCount; layer++) {
    const pair = (name: string, input: number, output: number) => {
      const prefix = `base_model.model.model.layers.${layer}.${name}`
      const base = childSeed(childSeed(BigInt(seed), layer), name.length)
      tensors[`${prefix}.lora_A.weight`] = { shape: [4, input], values: noise(4 * input, childSeed(base, 0)) }
      tensors[`${prefix}.lora_B.weight`] = { shape: [output, 4], values: noise(output * 4, childSeed(base, 1)) }
    }
    pair('self_attn.q_proj', hiddenSize, headCount * headSize)
    pair('mlp.down_proj', intermediateSize, hiddenSize)
  }
  writeSafetensors(join(adapter, 'adapter_model.safetensors'), tensors)
  return adapter
}

function configOf(folder: string): ModelConfig {
  const json = configJsonSchema.parse(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))
  return parseModelConfig(folder, json)
}

const noise = (length: number, seed: bigint): Float32Array =>
  Float32Array.from({ length }, (_, i) => 0.2 * (uniform(seed, i) - 0.5))
