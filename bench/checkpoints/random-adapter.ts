import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configJsonSchema } from '../../src/decoding/checkpoint/config-json.ts'
import { decoderTensors } from '../../src/decoding/checkpoint/decoder-tensors.ts'
import { parseModelConfig } from '../../src/decoding/checkpoint/model-config.ts'
import { normalValues } from './random-values.ts'
import { writeSafetensors } from './safetensors-file.ts'

export const adapterRank = 16

/**
 * Writes a PEFT LoRA adapter of rank 16 on all seven projections of every layer, the dearest usual choice; small random
 * values, so that the law stays near the base's.
 */
export function randomAdapter(folder: string, base: string, seed: number): string {
  mkdirSync(folder, { recursive: true })
  const json = configJsonSchema.parse(JSON.parse(readFileSync(join(base, 'config.json'), 'utf8')))
  const config = parseModelConfig(base, json)
  const values = normalValues(0.01, seed)
  const tensors = [...decoderTensors(config)]
    .filter(([name]) => name.endsWith('_proj.weight'))
    .flatMap(([name, [output, input]]) => {
      const module = `base_model.model.${name.replace(/\.weight$/, '')}`
      return [
        { name: `${module}.lora_A.weight`, shape: [adapterRank, input!], values },
        { name: `${module}.lora_B.weight`, shape: [output!, adapterRank], values },
      ]
    })
  writeSafetensors(join(folder, 'adapter_model.safetensors'), tensors)
  const targets = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']
  const adapter = { peft_type: 'LORA', r: adapterRank, lora_alpha: adapterRank, target_modules: targets, bias: 'none' }
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify(adapter))
  return folder
}
