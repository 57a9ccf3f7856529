import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FixtureTensor, writeSafetensors } from './write-safetensors.ts'

export interface TinyAdapter {
  /** Over `{ r: 4, lora_alpha: 8 }`. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly layers?: number
  /** Ranks that are written; 4 where nothing else is said. */
  readonly ranks?: Readonly<Record<string, number>>
  /** Written beside or instead of the adapter's own. */
  readonly tensors?: Readonly<Record<string, FixtureTensor>>
  readonly without?: readonly string[]
}

/** Writes a PEFT folder: LoRA of rank 4 on q_proj and down_proj of every layer of the tiny decoder. */
export function writeTinyAdapter(folder: string, adapter: TinyAdapter = {}): void {
  mkdirSync(folder, { recursive: true })
  const config = { peft_type: 'LORA', r: 4, lora_alpha: 8, target_modules: ['q_proj', 'down_proj'], bias: 'none' }
  writeFileSync(join(folder, 'adapter_config.json'), JSON.stringify({ ...config, ...adapter.config }))
  writeSafetensors(join(folder, 'adapter_model.safetensors'), tinyAdapterTensors(adapter))
}

export function tinyAdapterTensors(adapter: TinyAdapter): Record<string, FixtureTensor> {
  const tensors: Record<string, FixtureTensor> = {}
  const add = (name: string, ...shape: [number, number]) => {
    const seed = Object.keys(tensors).length + 1
    // Any values will do that are small, differ between matrices, and repeat from run to run.
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, index) => 0.2 * Math.sin(seed * (index + 1)))
    tensors[`base_model.model.model.layers.${name}.weight`] = { shape, values }
  }
  for (let layer = 0; layer < (adapter.layers ?? 2); layer++) {
    const [q, down] = [adapter.ranks?.['q_proj'] ?? 4, adapter.ranks?.['down_proj'] ?? 4]
    add(`${layer}.self_attn.q_proj.lora_A`, q, 32)
    add(`${layer}.self_attn.q_proj.lora_B`, 32, q)
    add(`${layer}.mlp.down_proj.lora_A`, down, 64)
    add(`${layer}.mlp.down_proj.lora_B`, 32, down)
  }
  for (const name of adapter.without ?? []) delete tensors[name]
  return { ...tensors, ...adapter.tensors }
}
