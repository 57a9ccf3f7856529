import { join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import { hashFiles } from './content-hash.ts'
import { type HubOptions, resolveFolder } from './hub.ts'
import { type LoraScaling, readLoraConfig } from './lora-config.ts'
import type { ModelConfig } from './model-config.ts'
import { openSafetensors } from './safetensors.ts'
import type { WeightFiles } from './weight-files.ts'

/** One adapted projection of one layer: y += scale * B (A x). */
export interface LoraPair {
  /** [rank, in], row-major */
  readonly a: Float32Array
  /** [out, rank], row-major */
  readonly b: Float32Array
  readonly rank: number
  /** lora_alpha / rank, or lora_alpha / sqrt(rank) with rslora */
  readonly scale: number
}

export type LoraTarget = 'q_proj' | 'k_proj' | 'v_proj' | 'o_proj' | 'gate_proj' | 'up_proj' | 'down_proj'

/** A PEFT LoRA adapter of a decoder, checked against its base's shapes. */
export interface LoraAdapter {
  readonly source: string
  /** Keyed by `${layer}.${target}`; projections the adapter leaves alone are absent. */
  readonly pairs: ReadonlyMap<`${number}.${LoraTarget}`, LoraPair>
  contentHash(): Promise<string>
}

const pairName =
  /^base_model\.model\.(model\.layers\.(\d+)\.(?:self_attn\.(?:[qkvo]_proj)|mlp\.(?:gate|up|down)_proj))\.lora_([AB])\.weight$/

/**
 * Reads an adapter from a folder or hub id, all of it: adapters are small.
 * @throws CheckpointError naming what is missing or not supported, or the first tensor that does not fit the base
 */
export async function openLoraAdapter(source: string, base: ModelConfig, options: HubOptions): Promise<LoraAdapter> {
  const folder = await resolveFolder(source, options)
  const scaling = readLoraConfig(source, folder)
  const weights = openSafetensors(source, folder, 'adapter_model')
  try {
    const files = [join(folder, 'adapter_config.json'), ...weights.files]
    return { source, pairs: readPairs(source, base, scaling, weights), contentHash: () => hashFiles(files) }
  } finally {
    weights.close()
  }
}

function readPairs(source: string, base: ModelConfig, scaling: LoraScaling, weights: WeightFiles) {
  const pairs = new Map<`${number}.${LoraTarget}`, LoraPair>()
  for (const name of weights.names) {
    const [, module, layer, half] = pairName.exec(name) ?? []
    if (module === undefined) throw new CheckpointError(source, unknownTensor(name))
    if (Number(layer) >= base.layerCount) {
      throw new CheckpointError(
        source,
        `an adapter for another base: tensor '${name}', but the base has ${base.layerCount} layers`,
      )
    }
    const other = name.replace(/lora_[AB]/, half === 'A' ? 'lora_B' : 'lora_A')
    if (!weights.names.has(other))
      throw new CheckpointError(source, `tensor '${other}' is missing, the other half of '${name}'`)
    const target = module.slice(module.lastIndexOf('.') + 1) as LoraTarget
    if (half === 'A') pairs.set(`${Number(layer)}.${target}`, readPair(source, base, scaling(module), weights, name))
  }
  if (pairs.size === 0) throw new CheckpointError(source, 'the adapter has no tensors')
  return pairs
}

function readPair(
  source: string,
  base: ModelConfig,
  { rank, scale }: ReturnType<LoraScaling>,
  weights: WeightFiles,
  nameOfA: string,
): LoraPair {
  const nameOfB = nameOfA.replace('lora_A', 'lora_B')
  const target = nameOfA.split('.').at(-3) as LoraTarget
  const [output, input] = projectionShape(base, target)
  const read = (name: string, expected: readonly [number, number]) => {
    const shape = weights.shape(name)
    if (shape.join() === expected.join()) return weights.read(name, expected)
    const shapes = `has shape [${shape.join(', ')}]; the base and rank ${rank} ask for [${expected.join(', ')}]`
    throw new CheckpointError(source, `an adapter for another base: tensor '${name}' ${shapes}`)
  }
  return { a: read(nameOfA, [rank, input]), b: read(nameOfB, [output, rank]), rank, scale }
}

/** [out, in] of a projection's weight matrix. */
function projectionShape(base: ModelConfig, target: LoraTarget): readonly [number, number] {
  const querySize = base.headCount * base.headSize
  const keySize = base.kvHeadCount * base.headSize
  if (target === 'q_proj') return [querySize, base.hiddenSize]
  if (target === 'k_proj' || target === 'v_proj') return [keySize, base.hiddenSize]
  if (target === 'o_proj') return [base.hiddenSize, querySize]
  if (target === 'down_proj') return [base.hiddenSize, base.intermediateSize]
  return [base.intermediateSize, base.hiddenSize]
}

function unknownTensor(name: string): string {
  const outside = /lm_head|embed_tokens|lora_embedding/.exec(name)?.[0]
  if (outside !== undefined) return `an adapter on ${outside} is not supported (tensor '${name}')`
  return `tensor '${name}' is not a LoRA matrix of a decoder's linear layer`
}
