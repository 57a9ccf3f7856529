import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import { readJsonFile } from './json-file.ts'

const adapterConfigSchema = z.looseObject({
  peft_type: z.string(),
  r: z.number().int().positive(),
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.number().int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  bias: z.string().nullish(),
  init_lora_weights: z.union([z.boolean(), z.string()]).nullish(),
})
type AdapterJson = z.infer<typeof adapterConfigSchema>

/** Fields of PEFT's LoraConfig that change what an adapter computes, and that must be off here. */
const variants = [
  'use_dora',
  'fan_in_fan_out',
  'modules_to_save',
  'lora_bias',
  'use_qalora',
  'use_bdlora',
  'layer_replication',
  'target_parameters',
  'trainable_token_indices',
  'alora_invocation_tokens',
  'arrow_config',
  'kasa_config',
  'monteclora_config',
]

/** Ways to start training that leave the base's weights as they are; others (PiSSA, OLoRA ...) subtract from them. */
const plainStarts = ['gaussian', 'eva', 'orthogonal']

/** Rank and scale of the adapter on a module, such as `model.layers.0.self_attn.q_proj`. */
export type LoraScaling = (module: string) => { readonly rank: number; readonly scale: number }

/**
 * What an adapter_config.json says about each module.
 * @throws CheckpointError naming the variant of LoRA, or other method, that is not supported
 */
export function readLoraConfig(source: string, folder: string): LoraScaling {
  const json = readJsonFile(source, join(folder, 'adapter_config.json'), adapterConfigSchema)
  refuseVariants(source, json)
  return (module) => {
    const rank = patternValue(json.rank_pattern, module) ?? json.r
    const alpha = patternValue(json.alpha_pattern, module) ?? json.lora_alpha
    return { rank, scale: alpha / (json.use_rslora === true ? Math.sqrt(rank) : rank) }
  }
}

function refuseVariants(source: string, json: AdapterJson): void {
  const refuse = (what: string) => new CheckpointError(source, `adapter_config.json: ${what} is not supported`)
  if (json.peft_type !== 'LORA') throw refuse(`peft_type '${json.peft_type}'`)
  if ((json.bias ?? 'none') !== 'none') throw refuse(`bias '${json.bias}'`)
  const variant = variants.find((name) => isOn(json[name]))
  if (variant !== undefined) throw refuse(variant)
  const start = json.init_lora_weights
  if (typeof start === 'string' && !plainStarts.includes(start)) throw refuse(`init_lora_weights '${start}'`)
}

function isOn(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false
  return !(typeof value === 'object' && Object.keys(value).length === 0)
}

/** PEFT's rule: the first pattern that, as a regular expression, matches the end of the module's name. */
function patternValue(
  patterns: Readonly<Record<string, number>> | null | undefined,
  module: string,
): number | undefined {
  const found = Object.entries(patterns ?? {}).find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))
  return found?.[1]
}
