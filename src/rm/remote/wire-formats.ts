import { z } from 'zod'
import { judgePairwise } from './judge-pairwise.ts'
import { judgeScore } from './judge-score.ts'
import { llamaRerank } from './llama-rerank.ts'
import { openrlhf } from './openrlhf.ts'
import { sglangClassify } from './sglang-classify.ts'
import { sglangScore } from './sglang-score.ts'
import { teiPredict } from './tei-predict.ts'
import { teiRerank } from './tei-rerank.ts'
import { trimtabRewards } from './trimtab-rewards.ts'
import { trtllmLogits } from './trtllm-logits.ts'
import { vllmClassify } from './vllm-classify.ts'
import { vllmPooling } from './vllm-pooling.ts'
import { vllmScore } from './vllm-score.ts'
import type { WireFormat } from './wire-format.ts'

/** The one place that knows all wire formats. */
const kinds = [
  vllmClassify,
  vllmPooling,
  vllmScore,
  sglangClassify,
  sglangScore,
  teiPredict,
  teiRerank,
  llamaRerank,
  trtllmLogits,
  openrlhf,
  trimtabRewards,
  judgeScore,
  judgePairwise,
] as const

type SchemasOf<Kinds extends readonly { readonly options: z.ZodObject }[]> = {
  -readonly [Kind in keyof Kinds]: Kinds[Kind]['options']
}

const schemas = kinds.map(({ options }) => options) as unknown as SchemasOf<typeof kinds>

/** One entry of the configuration's `rewards` of kind `remote`. */
export const remoteOptions = z.discriminatedUnion('format', schemas)

export type RemoteOptions = z.output<typeof remoteOptions>

/** @throws CheckpointError for a tokenizer that cannot be read */
export function openWireFormat(name: string, options: RemoteOptions): WireFormat {
  const kind = kinds.find(({ options: { shape } }) => shape.format.value === options.format)
  // its own options: the format says so
  return kind!.open(name, options as never)
}
