import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'
import type { TensorSource } from './checkpoint.ts'
import { readJsonFile } from './json-file.ts'
import { openSafetensors } from './safetensors.ts'
import type { WeightFiles } from './weight-files.ts'

const adapterSchema = z.looseObject({
  peft_type: z.literal('LORA'),
  task_type: z.literal('SEQ_CLS'),
  base_model_name_or_path: z.string(),
  r: z.number().int().positive(),
  lora_alpha: z.number(),
  use_rslora: z.boolean().nullish(),
  rank_pattern: z.record(z.string(), z.number().int().positive()).nullish(),
  alpha_pattern: z.record(z.string(), z.number()).nullish(),
  bias: z.literal('none').nullish(),
  init_lora_weights: z.union([z.boolean(), z.enum(['gaussian', 'eva', 'orthogonal'])]).nullish(),
})
type AdapterJson = z.infer<typeof adapterSchema>

/** Fields that say where an adapter came from or how it was trained, not what it computes; any other must be off. */
const harmless = new Set([
  ...Object.keys(adapterSchema.shape),
  ...['auto_mapping', 'inference_mode', 'lora_dropout', 'modules_to_save', 'peft_version', 'revision'],
  ...['target_modules', 'exclude_modules', 'layers_to_transform', 'layers_pattern', 'qalora_group_size'],
  ...['megatron_core', 'ensure_weight_tying', 'runtime_config', 'eva_config', 'corda_config', 'loftq_config'],
])

/** A LoRA adapter with a score head, on a causal model. */
export interface ScoreAdapter {
  /** Where the base is, as PEFT recorded it. */
  readonly base: string
  readonly files: readonly string[]
  /** The base's tensors with the adapter added, and the head as `score.weight`. Reading is as from files. */
  merged(base: WeightFiles): WeightFiles
}

/** Whether a folder holds an adapter and no model of its own. */
export const isAdapterFolder = (folder: string): boolean =>
  existsSync(join(folder, 'adapter_config.json')) && !existsSync(join(folder, 'config.json'))

/** @throws CheckpointError naming what is missing or not supported */
export function openScoreAdapter(source: string, folder: string): ScoreAdapter & Pick<TensorSource, 'close'> {
  const config = join(folder, 'adapter_config.json')
  const json = readJsonFile(source, config, adapterSchema)
  const variant = Object.keys(json).find((key) => !harmless.has(key) && isOn(json[key]))
  if (variant !== undefined) throw new CheckpointError(source, `adapter_config.json: ${variant} is not supported`)
  const weights = openSafetensors(source, folder, 'adapter_model')
  return {
    base: json.base_model_name_or_path,
    files: [config, ...weights.files],
    merged: (base) => mergedWeights(source, json, weights, base),
    close: () => weights.close(),
  }
}

function isOn(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return false
  return !(typeof value === 'object' && Object.keys(value).length === 0)
}

const saved = 'base_model.model.'
const head = 'score.weight'
const half = /^base_model\.model\.(.+)\.lora_[AB]\.weight$/

function mergedWeights(source: string, json: AdapterJson, adapter: WeightFiles, base: WeightFiles): WeightFiles {
  const modules = adaptedModules(source, adapter, base)
  const own = (name: string) => name === head
  return {
    names: new Set([...base.names, head]),
    files: [...base.files, ...adapter.files],
    shape: (name) => (own(name) ? adapter.shape(saved + name) : base.shape(name)),
    check: (name, shape) => (own(name) ? adapter.check(saved + name, shape) : base.check(name, shape)),
    read(name, shape) {
      if (own(name)) return adapter.read(saved + name, shape)
      const values = base.read(name, shape)
      const module = name.slice(0, -'.weight'.length)
      if (modules.has(module)) addProduct(values, shape, module, json, adapter)
      return values
    },
    close() {
      base.close()
      adapter.close()
    },
  }
}

/** Modules with both halves of a LoRA, each a matrix of the base's layers. */
function adaptedModules(source: string, adapter: WeightFiles, base: WeightFiles): ReadonlySet<string> {
  if (!adapter.names.has(saved + head))
    throw new CheckpointError(source, `tensor '${saved}${head}' is missing: the adapter has no score head`)
  const modules = new Set<string>()
  for (const name of adapter.names) {
    const module = half.exec(name)?.[1]
    if (name === saved + head) continue
    if (module === undefined || !/^model\.layers\.\d+\./.test(module))
      throw new CheckpointError(source, `tensor '${name}' is not a LoRA matrix of a layer, nor the score head`)
    const other = name.includes('.lora_A.')
      ? name.replace('.lora_A.', '.lora_B.')
      : name.replace('.lora_B.', '.lora_A.')
    if (!adapter.names.has(other))
      throw new CheckpointError(source, `tensor '${other}' is missing, the other half of '${name}'`)
    const [rows, columns] = base.names.has(`${module}.weight`) ? base.shape(`${module}.weight`) : []
    const [a, b] = ['A', 'B'].map((part) => adapter.shape(`${saved}${module}.lora_${part}.weight`))
    if (a![1] !== columns || b![0] !== rows || a![0] !== b![1])
      throw new CheckpointError(source, `an adapter for another base: '${module}' does not fit its LoRA matrices`)
    modules.add(module)
  }
  return modules
}

/** W += scale B A, in double precision before the one rounding to fp32. */
function addProduct(
  values: Float32Array,
  shape: readonly number[],
  module: string,
  json: AdapterJson,
  adapter: WeightFiles,
): void {
  const [rows, columns] = shape as [number, number]
  const rank = patternValue(json.rank_pattern, module) ?? json.r
  const alpha = patternValue(json.alpha_pattern, module) ?? json.lora_alpha
  const scale = alpha / (json.use_rslora === true ? Math.sqrt(rank) : rank)
  const a = adapter.read(`${saved}${module}.lora_A.weight`, [rank, columns])
  const b = adapter.read(`${saved}${module}.lora_B.weight`, [rows, rank])
  const sum = new Float64Array(columns)
  for (let row = 0; row < rows; row++) {
    sum.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = scale * b[row * rank + r]!
      for (let column = 0; column < columns; column++) sum[column]! += factor * a[r * columns + column]!
    }
    for (let column = 0; column < columns; column++) values[row * columns + column]! += sum[column]!
  }
}

/** PEFT's rule: the first pattern that, as a regular expression, matches the end of the module's name. */
function patternValue(
  patterns: Readonly<Record<string, number>> | null | undefined,
  module: string,
): number | undefined {
  return Object.entries(patterns ?? {}).find(([key]) => new RegExp(`^(.*\\.)?(${key})$`).test(module))?.[1]
}
