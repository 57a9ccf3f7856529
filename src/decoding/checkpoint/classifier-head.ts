import { CheckpointError } from '../errors.ts'
import type { TensorSource } from './checkpoint.ts'
import type { ClassifierJson } from './classifier-json.ts'

/** What turns a decoder's last hidden states into numbers. Weights are [outputs, hidden]. */
export type DecoderHead =
  /** A score of the whole text, read at its last token that is not padding. */
  | { readonly kind: 'pooled'; readonly weight: string }
  /** A score at every token; with `hidden` a ReLU layer between. */
  | {
      readonly kind: 'everywhere'
      readonly weight: string
      readonly bias: string | undefined
      readonly hidden: string | undefined
    }
  /** An embedding of the text, whose skew-symmetric products are preferences (GPM, arXiv 2410.02197). */
  | { readonly kind: 'preference'; readonly weight: string; readonly promptWeight: string | undefined }

/** Further tensors of a gated multi-attribute model (ArmoRM), whose gating is not computed. */
const gating = /^(gating\.|reward_transform_matrix$)/

interface HeadKind {
  readonly trunk: 'LlamaForCausalLM' | 'Qwen2ForCausalLM' | 'Qwen3ForCausalLM' | 'MistralForCausalLM'
  readonly head: 'score' | 'tokens' | 'attributes'
}

/** Architectures with a head on a causal trunk, as config.json names them. */
export const headKinds: Readonly<Record<string, HeadKind>> = {
  LlamaForSequenceClassification: { trunk: 'LlamaForCausalLM', head: 'score' },
  Qwen2ForSequenceClassification: { trunk: 'Qwen2ForCausalLM', head: 'score' },
  Qwen3ForSequenceClassification: { trunk: 'Qwen3ForCausalLM', head: 'score' },
  MistralForSequenceClassification: { trunk: 'MistralForCausalLM', head: 'score' },
  LlamaForTokenClassification: { trunk: 'LlamaForCausalLM', head: 'tokens' },
  Qwen2ForTokenClassification: { trunk: 'Qwen2ForCausalLM', head: 'tokens' },
  Qwen2ForProcessRewardModel: { trunk: 'Qwen2ForCausalLM', head: 'tokens' },
  LlamaForRewardModelWithGating: { trunk: 'LlamaForCausalLM', head: 'attributes' },
}

/** Causal trunks by model_type, for value heads, whose checkpoints name the architecture as they like. */
export const trunkOfModelType: Readonly<Record<string, HeadKind['trunk']>> = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  mistral: 'MistralForCausalLM',
}

/**
 * The head that these tensors are.
 * @throws CheckpointError naming what is missing
 */
export function findHead(source: string, kind: HeadKind['head'], tensors: TensorSource): DecoderHead {
  const has = (name: string) => tensors.names.has(name)
  if (kind === 'score') return { kind: 'pooled', weight: 'score.weight' }
  if (kind === 'attributes') return { kind: 'pooled', weight: 'regression_layer.weight' }
  const layered = has('score.2.weight')
  if (layered && !has('score.0.weight')) throw new CheckpointError(source, `tensor 'score.0.weight' is missing`)
  const weight = layered ? 'score.2' : 'score'
  const bias = has(`${weight}.bias`) ? `${weight}.bias` : undefined
  return { kind: 'everywhere', weight: `${weight}.weight`, bias, hidden: layered ? 'score.0' : undefined }
}

/** Names and shapes of a head's tensors. */
export function headTensors(head: DecoderHead, hiddenSize: number, outputs: number): [string, readonly number[]][] {
  const tensors: [string, readonly number[]][] = [[head.weight, [outputs, hiddenSize]]]
  if (head.kind === 'preference' && head.promptWeight !== undefined)
    tensors.push([head.promptWeight, [outputs / 2, hiddenSize]])
  if (head.kind !== 'everywhere') return tensors
  if (head.bias !== undefined) tensors.push([head.bias, [outputs]])
  if (head.hidden !== undefined)
    tensors.push([`${head.hidden}.weight`, [hiddenSize, hiddenSize]], [`${head.hidden}.bias`, [hiddenSize]])
  return tensors
}

/** @throws CheckpointError for a tensor outside the layers that nothing reads: it would be another model */
export function refuseUnread(source: string, architecture: string, unread: readonly string[], head: DecoderHead): void {
  const known = new Set([...headTensors(head, 1, 1).map(([name]) => name), 'lm_head.weight'])
  const gated = architecture === 'LlamaForRewardModelWithGating'
  const extra = unread.find((name) => !known.has(name) && !(gated && gating.test(name)))
  if (extra === undefined) return
  throw new CheckpointError(source, `tensor '${extra}' is not part of a ${architecture} with the head '${head.weight}'`)
}

/**
 * The labels' names: id2label's, else LABEL_0, LABEL_1, ..
 * @throws CheckpointError when the config has another number of labels than the head has rows
 */
export function labelNames(source: string, json: ClassifierJson, weight: string, rows: number): readonly string[] {
  const plain = Array.from({ length: rows }, (_, i) => `LABEL_${i}`)
  const named = json.id2label ?? undefined
  const count = named === undefined ? json.num_labels : Object.keys(named).length
  if (count !== undefined && count !== null && count !== rows)
    throw new CheckpointError(source, `config.json has ${count} labels, but the head '${weight}' has ${rows} rows`)
  if (named === undefined) return plain
  const labels = plain.map((_, i) => named[String(i)])
  const missing = labels.indexOf(undefined)
  if (missing >= 0) throw new CheckpointError(source, `config.json: id2label has no name for label ${missing}`)
  const twice = labels.find((label, i) => labels.indexOf(label) !== i)
  if (twice !== undefined) throw new CheckpointError(source, `config.json: id2label names two labels '${twice}'`)
  return labels as string[]
}
