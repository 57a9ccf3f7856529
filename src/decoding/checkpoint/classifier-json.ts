import { z } from 'zod'
import { configJsonSchema } from './config-json.ts'

const optionalSize = z.number().int().positive().nullish()

/** The fields of a classifier's config.json that its graph depends on: a decoder's, an encoder's, and the labels. */
export const classifierJsonSchema = configJsonSchema.extend({
  model_type: z.string().nullish(),
  id2label: z.record(z.string(), z.string()).nullish(),
  num_labels: optionalSize,
  pad_token_id: z.number().int().nullish(),
  type_vocab_size: optionalSize,
  layer_norm_eps: z.number().positive().nullish(),
  position_embedding_type: z.string().nullish(),
  is_decoder: z.boolean().nullish(),
  add_cross_attention: z.boolean().nullish(),
})

export type ClassifierJson = z.infer<typeof classifierJsonSchema>
