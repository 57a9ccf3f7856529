/** A config.json, as far as the shape goes. */
export interface ShapeJson {
  readonly architectures: readonly ['LlamaForCausalLM' | 'Qwen2ForCausalLM']
  readonly model_type: 'llama' | 'qwen2'
  readonly hidden_size: number
  readonly intermediate_size: number
  readonly num_hidden_layers: number
  readonly num_attention_heads: number
  readonly num_key_value_heads: number
  readonly head_dim: number
  readonly vocab_size: number
  readonly max_position_embeddings: number
  readonly rope_theta: number
  readonly rms_norm_eps: number
  readonly tie_word_embeddings: boolean
}

const llama = { architectures: ['LlamaForCausalLM'], model_type: 'llama', rope_theta: 1e5, rms_norm_eps: 1e-5 } as const
const qwen = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2', rope_theta: 1e6, rms_norm_eps: 1e-6 } as const

/** SmolLM2-135M's, with room for contexts longer than it was trained for. */
export const smollm2: ShapeJson = {
  ...llama,
  hidden_size: 576,
  intermediate_size: 1536,
  num_hidden_layers: 30,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  head_dim: 64,
  vocab_size: 49152,
  max_position_embeddings: 16384,
  tie_word_embeddings: true,
}

/** Qwen2.5-0.5B's. */
export const qwen05: ShapeJson = {
  ...qwen,
  hidden_size: 896,
  intermediate_size: 4864,
  num_hidden_layers: 24,
  num_attention_heads: 14,
  num_key_value_heads: 2,
  head_dim: 64,
  vocab_size: 151936,
  max_position_embeddings: 32768,
  tie_word_embeddings: true,
}

/** Qwen2.5-1.5B's. */
export const qwen15: ShapeJson = {
  ...qwen05,
  hidden_size: 1536,
  intermediate_size: 8960,
  num_hidden_layers: 28,
  num_attention_heads: 12,
  num_key_value_heads: 2,
  head_dim: 128,
}

/** A small body under a vocabulary of this size, so that the output matrix is what costs. */
export const smallBody = (vocabulary: number): ShapeJson => ({
  ...smollm2,
  num_hidden_layers: 6,
  vocab_size: vocabulary,
  max_position_embeddings: 2048,
})
