import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tinyBosId, tinyEosId, writeTinyTokenizer } from './tiny-tokenizer.ts'
import { type FixtureTensor, writeSafetensors } from './write-safetensors.ts'

export type TinyConfig = Readonly<Record<string, unknown>>

export interface TinyOptions {
  /** Defaults to F32. */
  readonly dtype?: 'F32' | 'F16' | 'BF16'
  /** More than one writes model.safetensors.index.json and its parts. */
  readonly shards?: number
  readonly seed?: number
  /** Standard deviation of the weight matrices; defaults to 0.3, which makes laws far from uniform. */
  readonly scale?: number
}

export interface TinyCheckpoint {
  readonly folder: string
  readonly config: TinyConfig
  readonly tensors: Readonly<Record<string, FixtureTensor>>
}

const made: string[] = []
process.once('exit', () => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A fresh folder below the system's temporary one; it goes when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'trimtab-test-'))
  made.push(folder)
  return folder
}

/**
 * Writes a complete random decoder: config, weights, byte-level tokenizer, chat template. The architecture is
 * `overrides.architectures[0]` (Llama without it); weights depend on the seed alone.
 */
export function writeTinyCheckpoint(
  folder: string,
  overrides: TinyConfig = {},
  options: TinyOptions = {},
): TinyCheckpoint {
  mkdirSync(folder, { recursive: true })
  const config = tinyConfig(overrides)
  const tensors = tinyTensors(config, options)
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, undefined, 2))
  writeFileSync(join(folder, 'generation_config.json'), JSON.stringify({ eos_token_id: tinyEosId }))
  writeTinyTokenizer(folder)
  if ((options.shards ?? 1) > 1) writeShards(folder, tensors, options.shards ?? 1)
  else writeSafetensors(join(folder, 'model.safetensors'), tensors)
  return { folder, config, tensors }
}

/** The config.json that `writeTinyCheckpoint` writes: 2 layers, 4 heads over 2 key-value heads, grouped-query. */
export function tinyConfig(overrides: TinyConfig = {}): TinyConfig {
  const architecture = (overrides['architectures'] as string[] | undefined)?.[0] ?? 'LlamaForCausalLM'
  return {
    architectures: [architecture],
    model_type: architecture.replace('ForCausalLM', '').toLowerCase(),
    hidden_act: 'silu',
    hidden_size: 32,
    intermediate_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 8,
    max_position_embeddings: 256,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    vocab_size: 288,
    tie_word_embeddings: false,
    ...(architecture === 'MistralForCausalLM' ? { sliding_window: null } : {}),
    bos_token_id: tinyBosId,
    eos_token_id: tinyEosId,
    ...overrides,
  }
}

function tinyTensors(config: TinyConfig, options: TinyOptions): Record<string, FixtureTensor> {
  const next = gaussian(options.seed ?? 1)
  const tensors: Record<string, FixtureTensor> = {}
  for (const [name, shape] of tinyShapes(config)) {
    // Norms near 1 and matrices near 0, as trained models have them; biases small enough not to drown the signal.
    const [mean, deviation] = name.endsWith('norm.weight') ? [1, 0.1] : [0, options.scale ?? 0.3]
    const size = shape.reduce((product, extent) => product * extent, 1)
    const values = Float32Array.from({ length: size }, () => mean + deviation * next())
    tensors[name] = { shape, values, dtype: options.dtype ?? 'F32' }
  }
  return tensors
}

function tinyShapes(config: TinyConfig): [string, number[]][] {
  const number = (key: string) => config[key] as number
  const [hidden, inner] = [number('hidden_size'), number('intermediate_size')]
  const shapes: [string, number[]][] = [['model.embed_tokens.weight', [number('vocab_size'), hidden]]]
  for (let layer = 0; layer < number('num_hidden_layers'); layer++) {
    const prefix = `model.layers.${layer}.`
    const add = (name: string, ...shape: number[]) => shapes.push([prefix + name, shape])
    add('input_layernorm.weight', hidden)
    for (const [name, shape] of attentionShapes(config)) add(`self_attn.${name}`, ...shape)
    add('post_attention_layernorm.weight', hidden)
    for (const name of ['gate_proj', 'up_proj']) add(`mlp.${name}.weight`, inner, hidden)
    add('mlp.down_proj.weight', hidden, inner)
    if (config['mlp_bias'] === true) {
      for (const name of ['gate_proj', 'up_proj']) add(`mlp.${name}.bias`, inner)
      add('mlp.down_proj.bias', hidden)
    }
  }
  shapes.push(['model.norm.weight', [hidden]])
  if (config['tie_word_embeddings'] !== true) shapes.push(['lm_head.weight', [number('vocab_size'), hidden]])
  return shapes
}

function attentionShapes(config: TinyConfig): [string, number[]][] {
  const number = (key: string) => config[key] as number
  const [hidden, headSize] = [number('hidden_size'), number('head_dim')]
  const [queries, keys] = [number('num_attention_heads') * headSize, number('num_key_value_heads') * headSize]
  const architecture = (config['architectures'] as string[])[0]
  const shapes: [string, number[]][] = [
    ['q_proj.weight', [queries, hidden]],
    ['k_proj.weight', [keys, hidden]],
    ['v_proj.weight', [keys, hidden]],
    ['o_proj.weight', [hidden, queries]],
  ]
  if (architecture === 'Qwen2ForCausalLM' || config['attention_bias'] === true) {
    shapes.push(['q_proj.bias', [queries]], ['k_proj.bias', [keys]], ['v_proj.bias', [keys]])
  }
  if (config['attention_bias'] === true) shapes.push(['o_proj.bias', [hidden]])
  if (architecture === 'Qwen3ForCausalLM') shapes.push(['q_norm.weight', [headSize]], ['k_norm.weight', [headSize]])
  return shapes
}

function writeShards(folder: string, tensors: Readonly<Record<string, FixtureTensor>>, shards: number): void {
  const weightMap: Record<string, string> = {}
  const entries = Object.entries(tensors)
  for (let shard = 0; shard < shards; shard++) {
    const file = `model-${String(shard + 1).padStart(5, '0')}-of-${String(shards).padStart(5, '0')}.safetensors`
    const part = entries.filter((_, index) => index % shards === shard)
    for (const [name] of part) weightMap[name] = file
    writeSafetensors(join(folder, file), Object.fromEntries(part))
  }
  writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: weightMap }))
}

/** Standard normal draws by Box and Muller over the mulberry32 generator: the same numbers on every machine. */
function gaussian(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (((mixed ^ (mixed >>> 14)) >>> 0) + 0.5) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform())
}
