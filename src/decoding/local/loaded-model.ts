import { join } from 'node:path'
import { type Checkpoint, openCheckpoint } from '../checkpoint/checkpoint.ts'
import type { HubOptions } from '../checkpoint/hub.ts'
import { type LoraAdapter, openLoraAdapter } from '../checkpoint/lora-adapter.ts'
import type { TokenizerAdapter } from '../checkpoint/tokenizer.ts'
import { CheckpointError } from '../errors.ts'
import { Grammars } from '../grammar/grammars.ts'
import { preparedGraph } from '../graph/prepared-graph.ts'
import { toolSyntax } from '../tool-calls.ts'
import type { DecodingModel } from './decode-step.ts'
import type { EngineOptions, LoadedModel, ModelSpec } from './engine-options.ts'
import { blockBytes } from './kv-pool.ts'
import { ModelRunner } from './model-runner.ts'
import { OnnxSession } from './onnx-session.ts'

/** A model's files, checked, before anything of it runs. */
export interface OpenedModel {
  readonly spec: ModelSpec
  readonly checkpoint: Checkpoint
  readonly adapters: readonly LoraAdapter[]
  readonly contextLength: number
}

/** A model ready to decode. */
export interface RunningModel extends DecodingModel {
  readonly card: LoadedModel
}

/** @throws CheckpointError naming what is missing, damaged or not supported */
export async function openModel(spec: ModelSpec, hub: HubOptions): Promise<OpenedModel> {
  const checkpoint = await openCheckpoint(spec.source, hub)
  const adapters: LoraAdapter[] = []
  for (const { source } of spec.adapters) adapters.push(await openLoraAdapter(source, checkpoint.config, hub))
  const limit = checkpoint.config.maxPositions
  return { spec, checkpoint, adapters, contextLength: Math.min(spec.contextLength ?? limit, limit) }
}

/** Bytes of K/V of one block of this model. */
export const blockBytesOf = (model: OpenedModel): number => blockBytes(model.checkpoint.config)

export async function startModel(
  opened: OpenedModel,
  options: EngineOptions,
  capacity: number,
  onProgress: (message: string) => void,
): Promise<RunningModel> {
  const { spec, checkpoint, adapters, contextLength } = opened
  const { config, tokenizer, tensors } = checkpoint
  const vocabSize = Math.min(tokenizer.size, config.vocabSize)
  const hashes = await Promise.all([checkpoint, ...adapters].map((part) => part.contentHash()))
  const identity = [spec.weights, `vocab ${vocabSize}`, `context ${contextLength}`, ...hashes]
  const parts = () => ({ config, tensors, adapters, weights: spec.weights, vocabSize, contextLength })
  const progress = (message: string) => onProgress(`${spec.name}: ${message}`)
  const folder = await preparedGraph(options.cacheFolder, identity, parts, progress).finally(() => tensors.close())
  const session = await OnnxSession.open(join(folder, 'model.onnx'), options.threads)
  const names = spec.adapters.map(({ name }) => name)
  const runner = new ModelRunner(session, { ...config, vocabSize }, capacity, names)
  await refuseNonFinite(runner, spec)
  const { chatTemplate, eosTokenIds } = checkpoint
  const { name, source, weights } = spec
  const card = {
    name,
    source,
    weights,
    config,
    contextLength,
    tokenizer,
    chatTemplate,
    eosTokenIds,
    adapterNames: names,
    grammars: new Grammars(vocabSize, markedBytes(tokenizer)),
  }
  return { name, runner, eosTokenIds, card, bytesOf: (id) => tokenizer.bytesOf(id) }
}

/** A token's bytes; the marker with which Mistral's models begin calls is special, and would have none. */
function markedBytes(tokenizer: TokenizerAdapter): (id: number) => Uint8Array {
  const { trigger } = toolSyntax.mistral
  const marker = tokenizer.idOf(trigger)
  const name = Buffer.from(trigger, 'utf8')
  return (id) => (id === marker ? name : tokenizer.bytesOf(id))
}

/** One token through the model and each adapter, one at a time: finite weights can still overflow. */
async function refuseNonFinite(runner: ModelRunner, spec: ModelSpec): Promise<void> {
  for (const adapter of [undefined, ...spec.adapters]) {
    const rows = [{ context: runner.context(adapter?.name, [0], 0), tokens: [0] }]
    const { logits } = await runner.run(rows, undefined, { logits: true, mixed: false, top: false })
    const broken = logits!.findIndex((value) => !Number.isFinite(value))
    if (broken < 0) continue
    throw new CheckpointError(
      adapter?.source ?? spec.source,
      `its logits are not finite (${logits![broken]} at token ${broken}): the weights overflow`,
    )
  }
}
