import { headCount } from '../top-logits.ts'
import { KvContext } from './kv-context.ts'
import { KvPool, type StepOutput } from './kv-pool.ts'
import type { Feed, OnnxSession } from './onnx-session.ts'
import { PastFeeds } from './past-feeds.ts'
import { PrefixCache } from './prefix-cache.ts'
import { addLoraTables, type Mixture, mixtureFeeds, noMixture, rowFeeds } from './step-feeds.ts'
import type { StepRow } from './step-row.ts'

/** What of a step's results the caller wants besides the new K/V. */
export interface Wanted {
  /** Each row's own logits, [rows, vocabSize] */
  readonly logits: boolean
  /** Logits of every token that a row takes in, [rows, tokens, vocabSize]; otherwise of its last one. */
  readonly everyPosition?: boolean
  /** The mixtures, [count, vocabSize] */
  readonly mixed: boolean
  /** The mixtures' most likely tokens, and the chunk of the others in which their draws fall */
  readonly top: boolean
}

export interface StepResult extends StepOutput {
  readonly logits: Float32Array | undefined
  readonly mixed: Float32Array | undefined
  readonly top:
    | {
        readonly ids: Int32Array
        readonly logprobs: Float32Array
        readonly count: number
        /** Undefined where the most likely tokens are the whole vocabulary */
        readonly tail:
          | { readonly chunks: Int32Array; readonly probs: Float32Array; readonly before: Float32Array }
          | undefined
      }
    | undefined
}

export interface RunnerShape {
  readonly layerCount: number
  readonly headCount: number
  readonly kvHeadCount: number
  readonly headSize: number
  readonly vocabSize: number
}

/** Runs one model's graph over rows of contexts; owns the model's K/V memory and prefix cache. */
export class ModelRunner {
  readonly pool: KvPool
  readonly cache: PrefixCache
  readonly #session: OnnxSession
  readonly #past: PastFeeds
  readonly #shape: RunnerShape
  readonly #adapters: readonly string[]

  constructor(session: OnnxSession, shape: RunnerShape, capacity: number, adapters: readonly string[]) {
    this.#session = session
    this.#shape = shape
    this.#adapters = adapters
    this.pool = new KvPool(shape, capacity)
    this.#past = new PastFeeds(this.pool)
    this.cache = new PrefixCache(this.pool)
  }

  get vocabSize(): number {
    return this.#shape.vocabSize
  }

  context(adapter: string | undefined, promptIds: readonly number[], reserved: number): KvContext {
    return new KvContext(this.pool, this.cache, { adapter, promptIds }, reserved)
  }

  /** One forward pass; the K/V is returned, not stored, so that a step can be repeated. */
  async run(rows: readonly StepRow[], mixture: Mixture | undefined, wanted: Wanted): Promise<StepResult> {
    const tokens = rows[0]!.tokens.length
    const feeds = rowFeeds(this.#past, this.#shape, rows)
    const positions = headPositions(tokens, wanted)
    feeds.set('logits_from', { data: BigInt64Array.of(BigInt(tokens - positions)), dims: [1] })
    addLoraTables(feeds, this.#adapters, rows)
    const headRows = rows.length * positions
    const sums = mixtureFeeds(mixture ?? noMixture, headRows, wanted.logits, this.vocabSize)
    for (const [name, feed] of sums) feeds.set(name, feed)
    const names = ['new_keys', 'new_values']
    if (wanted.logits) names.push('logits')
    if (wanted.mixed) names.push('mixed')
    if (wanted.top) names.push('top_ids', 'top_logits', 'top_probs')
    if (wanted.top && this.vocabSize > headCount) names.push('tail_chunk', 'tail_probs', 'tail_before')
    return stepResult(await this.#session.run(feeds, names), {
      rows: rows.length,
      tokens,
      mixtures: mixture?.count ?? 0,
      vocabSize: this.vocabSize,
    })
  }

  async close(): Promise<void> {
    await this.#session.close()
  }
}

/** How many of a row's tokens go through the output matrix: prompts need none. */
function headPositions(tokens: number, { logits, everyPosition, mixed, top }: Wanted): number {
  if (!logits && !mixed && !top) return 0
  return everyPosition === true ? tokens : 1
}

function stepResult(
  outputs: Record<string, Feed['data']>,
  step: { readonly rows: number; readonly tokens: number; readonly mixtures: number; readonly vocabSize: number },
): StepResult {
  const logits = outputs['logits'] as Float32Array | undefined
  return {
    rows: step.rows,
    tokens: step.tokens,
    newKeys: outputs['new_keys'] as Float32Array,
    newValues: outputs['new_values'] as Float32Array,
    // the rows' own sums lie behind the mixtures
    logits: logits?.subarray(step.mixtures * step.vocabSize),
    mixed: outputs['mixed'] as Float32Array | undefined,
    top: topResult(outputs, step.mixtures),
  }
}

function topResult(outputs: Record<string, Feed['data']>, mixtures: number): StepResult['top'] {
  const ids = outputs['top_ids'] as Int32Array | undefined
  if (ids === undefined) return undefined
  const count = ids.length / mixtures
  const logits = outputs['top_logits'] as Float32Array
  const chunks = outputs['tail_chunk'] as Int32Array | undefined
  return {
    ids,
    logprobs: topLogprobs(logits, outputs['top_probs'] as Float32Array, count),
    count,
    tail:
      chunks === undefined
        ? undefined
        : {
            chunks,
            probs: outputs['tail_probs'] as Float32Array,
            before: outputs['tail_before'] as Float32Array,
          },
  }
}

/** From the largest down, so that tokens whose probability is too small for a number have a logarithm still. */
function topLogprobs(logits: Float32Array, probs: Float32Array, count: number): Float32Array {
  return logits.map((logit, at) => {
    const first = at - (at % count)
    return logit - logits[first]! + Math.log(probs[first]!)
  })
}
