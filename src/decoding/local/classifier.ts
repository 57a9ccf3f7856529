import { join } from 'node:path'
import type { ChatTemplate } from '../checkpoint/chat-template.ts'
import { type ClassifierCheckpoint, openClassifierCheckpoint } from '../checkpoint/classifier-checkpoint.ts'
import type { ClassifierInput, ClassifierTokenizer } from '../checkpoint/classifier-tokenizer.ts'
import type { HubOptions } from '../checkpoint/hub.ts'
import { CheckpointError } from '../errors.ts'
import { classifierVersion, writeClassifier } from '../graph/classifier-graph.ts'
import { writeEncoder } from '../graph/encoder-graph.ts'
import type { GraphBuilder } from '../graph/graph-builder.ts'
import { preparedFiles } from '../graph/prepared-graph.ts'
import { classifierFeeds } from './classifier-feeds.ts'
import type { WeightFormat } from './engine-options.ts'
import { OnnxSession } from './onnx-session.ts'

/** One classifier to load. */
export interface ClassifierSpec {
  readonly name: string
  /** A folder in Hugging Face layout, or a hub id; of a classifier, or of a LoRA adapter with a score head. */
  readonly source: string
  readonly weights: Extract<WeightFormat, 'fp32' | 'int8'>
  /** Most tokens of a text; undefined takes the checkpoint's own limit. Attention takes heads * T * T floats. */
  readonly contextLength?: number | undefined
}

export interface ClassifierOptions {
  readonly threads: number
  readonly cacheFolder: string
  readonly hub: HubOptions
}

/** What a classifier's numbers are: scores of a text, scores at each token, or an embedding for preferences. */
export type ClassifierKind = 'pooled' | 'everywhere' | 'preference'

/** A network that reads a whole text and gives numbers about it, one text at a time: a text's bits depend on it alone. */
export interface LoadedClassifier {
  readonly name: string
  readonly source: string
  readonly kind: ClassifierKind
  /** Names of the numbers, in order. */
  readonly labels: readonly string[]
  /** Most tokens of a text, special tokens included. */
  readonly contextLength: number
  readonly tokenizer: ClassifierTokenizer
  /** Renders whole conversations: nothing is asked for at the end. Undefined for a checkpoint without one. */
  readonly chatTemplate: ChatTemplate | undefined
  readonly bosToken: string | undefined
  readonly eosToken: string | undefined
  /** Numbers of a preference model's prompt head at each token; 0 without one. */
  readonly promptOutputs: number
  /**
   * Raw numbers of the whole text, [labels] (and the prompt head's behind them): those at its last token that is not
   * padding, or, in an encoder, those of its classification token. May hold NaN where finite weights overflow.
   */
  pooled(input: ClassifierInput): Promise<Float32Array>
  /** Raw numbers at every token, [T, labels + promptOutputs], row-major; not for encoders. */
  everywhere(input: ClassifierInput): Promise<Float32Array>
  close(): Promise<void>
}

/**
 * Loads a classifier, from the cache of prepared graphs where it is there.
 * @throws CheckpointError naming what is missing, damaged or not supported
 */
export async function openClassifier(
  spec: ClassifierSpec,
  options: ClassifierOptions,
  onProgress: (message: string) => void = () => undefined,
): Promise<LoadedClassifier> {
  const checkpoint = await openClassifierCheckpoint(spec.source, options.hub)
  const contextLength = Math.min(spec.contextLength ?? checkpoint.maxPositions, checkpoint.maxPositions)
  const folder = await prepare(spec, checkpoint, contextLength, options, onProgress)
  const session = await OnnxSession.open(join(folder, 'model.onnx'), options.threads)
  const classifier = loaded(spec, checkpoint, contextLength, session)
  await refuseNonFinite(classifier).catch(async (error: unknown) => {
    await session.close()
    throw error
  })
  return classifier
}

async function prepare(
  spec: ClassifierSpec,
  checkpoint: ClassifierCheckpoint,
  contextLength: number,
  options: ClassifierOptions,
  onProgress: (message: string) => void,
): Promise<string> {
  try {
    const hash = await checkpoint.contentHash()
    const vocabulary = checkpoint.tokenizer.size
    const identity = [`classifier ${classifierVersion}`, spec.weights, `${vocabulary} ${contextLength}`, hash]
    const write = (graph: GraphBuilder) => writeGraph(graph, spec, checkpoint, contextLength)
    return await preparedFiles(options.cacheFolder, identity, write, (message) =>
      onProgress(`${spec.name}: ${message}`),
    )
  } finally {
    checkpoint.tensors.close()
  }
}

function writeGraph(
  graph: GraphBuilder,
  { weights }: ClassifierSpec,
  { network, tensors, labels, tokenizer }: ClassifierCheckpoint,
  contextLength: number,
): void {
  const labelCount = labels.length
  if (network.family === 'encoder') {
    writeEncoder(graph, { config: network.config, tensors, weights, labelCount })
    return
  }
  const { config, head } = network
  const vocabSize = Math.min(tokenizer.size, config.vocabSize)
  writeClassifier(graph, { config, tensors, adapters: [], weights, vocabSize, contextLength, head, labelCount })
}

function loaded(
  spec: ClassifierSpec,
  checkpoint: ClassifierCheckpoint,
  contextLength: number,
  session: OnnxSession,
): LoadedClassifier {
  const { network, labels, tokenizer, chatTemplate, bosToken, eosToken, padTokenId } = checkpoint
  const kind = network.family === 'encoder' ? 'pooled' : network.head.kind
  const promptOutputs = hasPromptHead(checkpoint) ? labels.length / 2 : 0
  const run = async (input: ClassifierInput): Promise<Float32Array> => {
    const feeds = classifierFeeds(checkpoint, contextLength, input)
    return (await session.run(feeds, ['logits']))['logits'] as Float32Array
  }
  return {
    name: spec.name,
    source: spec.source,
    kind,
    labels,
    contextLength,
    tokenizer,
    chatTemplate,
    bosToken,
    eosToken,
    promptOutputs,
    async pooled(input) {
      const rows = await run(input)
      if (network.family === 'encoder') return rows
      const width = labels.length + promptOutputs
      const last = kind === 'pooled' ? lastUnpadded(input.ids, padTokenId) : input.ids.length - 1
      return rows.slice(last * width, (last + 1) * width)
    },
    async everywhere(input) {
      if (network.family === 'encoder') throw new TypeError(`${spec.name} has numbers of whole texts only`)
      return await run(input)
    },
    close: () => session.close(),
  }
}

const hasPromptHead = ({ network }: ClassifierCheckpoint): boolean =>
  network.family === 'decoder' && network.head.kind === 'preference' && network.head.promptWeight !== undefined

/** As transformers finds it: the last token with another id than padding has; the first one if there is none. */
function lastUnpadded(ids: readonly number[], padTokenId: number | undefined): number {
  return Math.max(
    0,
    ids.findLastIndex((id) => id !== padTokenId),
  )
}

/** One token through the model: finite weights can still overflow. */
async function refuseNonFinite(classifier: LoadedClassifier): Promise<void> {
  const numbers = await classifier.pooled({ ids: [0] })
  const broken = numbers.findIndex((value) => !Number.isFinite(value))
  if (broken < 0) return
  throw new CheckpointError(
    classifier.source,
    `its numbers are not finite (${numbers[broken]} for '${classifier.labels[broken]}'): the weights overflow`,
  )
}
