import { z } from 'zod'

const size = z.number().int().positive()
const optionalSize = size.nullish()
/** What the file says of rotary positions; read by rope-config.ts, which knows what each kind needs. */
const ropeObject = z.record(z.string(), z.unknown()).nullish()

/** The fields of a decoder's config.json that its graph depends on, as transformers 4 or 5 writes them. */
export const configJsonSchema = z.looseObject({
  architectures: z.array(z.string()).nullish(),
  hidden_act: z.string().nullish(),
  hidden_size: optionalSize,
  intermediate_size: optionalSize,
  num_hidden_layers: optionalSize,
  num_attention_heads: optionalSize,
  num_key_value_heads: optionalSize,
  head_dim: optionalSize,
  vocab_size: optionalSize,
  max_position_embeddings: optionalSize,
  rms_norm_eps: z.number().positive().nullish(),
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
  use_sliding_window: z.boolean().nullish(),
  sliding_window: z.number().int().nullish(),
  max_window_layers: z.number().int().nullish(),
  layer_types: z.array(z.string()).nullish(),
  rope_theta: z.number().positive().nullish(),
  rope_scaling: ropeObject,
  rope_parameters: ropeObject,
  original_max_position_embeddings: optionalSize,
  partial_rotary_factor: z.number().nullish(),
  quantization_config: z.looseObject({ quant_method: z.string().optional() }).nullish(),
  eos_token_id: z.union([z.number().int(), z.array(z.number().int())]).nullish(),
})

export type ConfigJson = z.infer<typeof configJsonSchema>
