import type { LogitTerm } from '../decoder.ts'
import { OverloadedError } from '../errors.ts'
import { plainSampling } from '../sampling-params.ts'
import type { DecodingModel } from './decode-step.ts'
import type { KvContext } from './kv-context.ts'
import { LocalSequence } from './local-sequence.ts'
import type { MemoryPlan } from './memory-plan.ts'
import { chunkTokens, prefillStep } from './prefill-step.ts'

/** A model (or one of its adapters) and the prompt behind which it reads given tokens. */
export type LogprobTerm = Omit<LogitTerm, 'coefficient'>

/** Takes the logits before number `index` of the given tokens; they are valid only during the call. */
export type OnRow = (index: number, logits: Float32Array) => void

interface Job {
  readonly sequence: LocalSequence
  readonly model: DecodingModel
  readonly ids: readonly number[]
  readonly onRow: OnRow
  readonly signal: AbortSignal
  readonly settle: { resolve(): void; reject(error: unknown): void }
  started: boolean
  /** How many of `ids` have been read. */
  done: number
}

/**
 * Calls that want to know what a model says of given tokens. They take turns between the engine's steps, one call at a time, so
 * that a request with many answers to score needs memory for one of them; a call never waits for memory that others hold,
 * for they might be waiting for it.
 */
export class LogprobQueue {
  readonly #models: ReadonlyMap<string, DecodingModel>
  readonly #memory: MemoryPlan
  #jobs: Job[] = []

  constructor(models: ReadonlyMap<string, DecodingModel>, memory: MemoryPlan) {
    this.#models = models
    this.#memory = memory
  }

  get empty(): boolean {
    return this.#jobs.length === 0
  }

  /** @throws InvalidRequestError for what would not fit into an empty engine */
  add(term: LogprobTerm, ids: readonly number[], onRow: OnRow, signal: AbortSignal): Promise<void> {
    const sampling = { ...plainSampling, seed: 0n, maxTokens: ids.length }
    const request = { terms: [{ ...term, coefficient: 1 }], sampling }
    this.#memory.check(request)
    const sequence = new LocalSequence(request, 0n)
    const model = this.#models.get(term.model)!
    return new Promise((resolve, reject) => {
      const settle = { resolve, reject }
      this.#jobs.push({ sequence, model, ids, onRow, signal, settle, started: false, done: 0 })
    })
  }

  /** Spends up to `budget` tokens, at least one chunk; the first call goes on, and those that were aborted leave. */
  async turn(budget: number): Promise<void> {
    for (const job of this.#jobs) if (job.signal.aborted) this.#end(job, () => job.settle.reject(job.signal.reason))
    const job = this.#jobs[0]
    if (job === undefined) return
    try {
      this.#start(job)
      let spent = await prefillStep([job.sequence], this.#models, budget)
      while (job.sequence.phase === 'ready' && job.done < job.ids.length && (spent === 0 || spent < budget))
        spent += await scoreChunk(job)
      if (job.done === job.ids.length) this.#end(job, () => job.settle.resolve())
    } catch (error) {
      this.#end(job, () => job.settle.reject(error))
    }
  }

  /** Nobody is left waiting when the engine closes. */
  close(): void {
    for (const job of this.#jobs) this.#end(job, () => job.settle.reject(new Error('The engine was closed.')))
  }

  #start(job: Job): void {
    if (job.started) return
    if (!this.#memory.fitsScoring(job.sequence.request))
      throw new OverloadedError(
        `No memory is left on '${job.model.name}' to score an answer of ${job.ids.length} tokens; try again later.`,
      )
    job.started = true
    this.#memory.admit(job.sequence)
  }

  #end(job: Job, settle: () => void): void {
    this.#jobs = this.#jobs.filter((other) => other !== job)
    if (job.started) this.#memory.release(job.sequence)
    settle()
  }
}

/** One pass over up to a chunk of the answer: the token before each is read, and the row handed over. */
async function scoreChunk(job: Job): Promise<number> {
  const { ids, onRow, done } = job
  const { runner } = job.model
  const context: KvContext = job.sequence.contexts[0]!
  const end = Math.min(done + chunkTokens - (context.length % chunkTokens), ids.length)
  const before = done === 0 ? [context.promptIds.at(-1)!] : []
  const tokens = [...before, ...ids.slice(Math.max(0, done - 1), end - 1)]
  const wanted = { logits: true, everyPosition: true, mixed: false, top: false }
  const result = await runner.run([{ context, tokens }], undefined, wanted)
  for (let i = done; i < end; i++) {
    const start = (i - done) * runner.vocabSize
    onRow(i, result.logits!.subarray(start, start + runner.vocabSize))
  }
  // the last token's K/V would never be read
  if (end < ids.length) context.append(result, 0)
  job.done = end
  return tokens.length
}
