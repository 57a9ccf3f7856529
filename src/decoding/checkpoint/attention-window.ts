import { CheckpointError } from '../errors.ts'
import type { ConfigJson } from './config-json.ts'
import type { DecoderArchitecture } from './model-config.ts'

/** Mistral's config class assumes this window where the field is absent (null means none). */
const defaultWindow = 4096

/**
 * The context up to which full attention gives the same numbers as a checkpoint's sliding windows: their width,
 * or Infinity without any.
 * @throws CheckpointError for layer types other than full and sliding attention
 */
export function attentionLimit(source: string, architecture: DecoderArchitecture, json: ConfigJson): number {
  if (architecture === 'LlamaForCausalLM') return Number.POSITIVE_INFINITY
  const window = json.sliding_window === undefined ? defaultWindow : json.sliding_window
  if (architecture === 'MistralForCausalLM') return window ?? Number.POSITIVE_INFINITY
  const types = json.layer_types ?? []
  const unknown = types.find((type) => type !== 'full_attention' && type !== 'sliding_attention')
  if (unknown !== undefined) throw new CheckpointError(source, `config.json: layer type '${unknown}' is not supported`)
  return slides(json) ? (window ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY
}

/** Qwen: a window counts only if it is switched on and some layer uses it, by name or by its number. */
function slides(json: ConfigJson): boolean {
  if (json.layer_types !== undefined && json.layer_types !== null) return json.layer_types.includes('sliding_attention')
  return json.use_sliding_window === true && (json.num_hidden_layers ?? 32) > (json.max_window_layers ?? 28)
}
