import type { LogitTerm } from '../decoder.ts'
import { OverloadedError } from '../errors.ts'
import { plainSampling } from '../sampling-params.ts'
import type { DecodingModel } from './decode-step.ts'
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
 * Calls that want to know what a model says of given tokens. They take turns between the engine's steps. Only the first call
 * insists on memory, so that a request with many answers to score needs room for one of them, and it never waits for memory that
 * others hold, for they might be waiting for it; calls behind it on the same model go along where there is room left.
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

  /** Spends up to `budget` tokens, at least one chunk; the first calls go on, and those that were aborted leave. */
  async turn(budget: number): Promise<void> {
    for (const job of this.#jobs) if (job.signal.aborted) this.#end(job, () => job.settle.reject(job.signal.reason))
    const first = this.#jobs[0]
    if (first === undefined) return
    let running: readonly Job[] = [first]
    try {
      this.#start(first)
      running = [first, ...this.#companions(first)]
      await this.#score(running, budget)
    } catch (error) {
      for (const job of running) this.#end(job, () => job.settle.reject(error))
    }
  }

  async #score(running: readonly Job[], budget: number): Promise<void> {
    const sequences = running.map(({ sequence }) => sequence)
    let spent = await prefillStep(sequences, this.#models, budget)
    while (spent === 0 || spent < budget) {
      const group = nextGroup(running)
      if (group.length === 0) return
      spent += await scoreChunk(group)
      for (const job of group) if (job.done === job.ids.length) this.#end(job, () => job.settle.resolve())
    }
  }

  /** Calls on the same model that were started before, or that can be now: all that one forward pass may take in. */
  #companions(first: Job): readonly Job[] {
    const companions: Job[] = []
    for (const job of this.#jobs) {
      if (companions.length + 1 >= chunkTokens) break
      if (job === first || job.model !== first.model) continue
      if (!job.started && !this.#memory.fits(job.sequence.request)) break
      this.#start(job)
      companions.push(job)
    }
    return companions
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

/** The first call that is ready, and those whose next chunk is as long: a pass takes as many tokens of every row. */
function nextGroup(jobs: readonly Job[]): readonly Job[] {
  const ready = jobs.filter(({ sequence, done, ids }) => sequence.phase === 'ready' && done < ids.length)
  if (ready.length === 0) return []
  const length = nextTokens(ready[0]!).length
  const alike = ready.filter((job) => nextTokens(job).length === length)
  return alike.slice(0, Math.max(1, Math.floor(chunkTokens / length)))
}

/** The tokens to read so that the rows of the next chunk are known: the one before each. */
function nextTokens({ ids, done, sequence }: Job): readonly number[] {
  const context = sequence.contexts[0]!
  const end = Math.min(done + chunkTokens - (context.length % chunkTokens), ids.length)
  const before = done === 0 ? [context.promptIds.at(-1)!] : []
  return [...before, ...ids.slice(Math.max(0, done - 1), end - 1)]
}

/** One pass over up to a chunk of every answer; the rows are handed over. @param jobs whose next chunks are of one length */
async function scoreChunk(jobs: readonly Job[]): Promise<number> {
  const { runner } = jobs[0]!.model
  const rows = jobs.map((job) => ({ context: job.sequence.contexts[0]!, tokens: nextTokens(job) }))
  const wanted = { logits: true, everyPosition: true, mixed: false, top: false }
  const result = await runner.run(rows, undefined, wanted)
  for (const [r, job] of jobs.entries()) {
    for (let i = 0; i < result.tokens; i++) {
      const start = (r * result.tokens + i) * runner.vocabSize
      job.onRow(job.done + i, result.logits!.subarray(start, start + runner.vocabSize))
    }
    job.done += result.tokens
    // the last token's K/V would never be read
    if (job.done < job.ids.length) rows[r]!.context.append(result, r)
  }
  return rows.length * result.tokens
}
