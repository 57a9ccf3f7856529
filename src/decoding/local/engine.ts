import { setMaxListeners } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Decoder, Sequence, SequenceDelta, SequenceRequest } from '../decoder.ts'
import { ContextLengthError, InvalidRequestError, OverloadedError, UnknownModelError } from '../errors.ts'
import { blockTokens } from '../graph/attention.ts'
import { temperRow } from '../top-logits.ts'
import { decodeStep } from './decode-step.ts'
import { type DrawScratch, drawScratch } from './draw-scratch.ts'
import type { EngineOptions, EngineStats, LoadedModel, ModelSpec } from './engine-options.ts'
import { fairShare } from './fair-share.ts'
import { blockBytesOf, type OpenedModel, openModel, type RunningModel, startModel } from './loaded-model.ts'
import { LocalSequence } from './local-sequence.ts'
import { MemoryPlan } from './memory-plan.ts'
import { prefillStep } from './prefill-step.ts'
import { StepCounters } from './step-counters.ts'
import { LogprobQueue, type LogprobTerm, type OnRow } from './token-logprobs.ts'

/** Loads models one after another; they share the memory bound so that each can hold the same number of tokens. */
export async function openEngine(
  specs: readonly ModelSpec[],
  options: EngineOptions,
  onProgress: (message: string) => void,
): Promise<LocalEngine> {
  const opened: OpenedModel[] = []
  const models: RunningModel[] = []
  try {
    for (const spec of specs) opened.push(await openModel(spec, options.hub))
    const capacity = blocksPerModel(opened, options.memoryBytes)
    for (const model of opened) models.push(await startModel(model, options, capacity, onProgress))
  } catch (error) {
    for (const model of opened) model.checkpoint.tensors.close()
    for (const model of models) await model.runner.close()
    throw error
  }
  return new LocalEngine(models, options)
}

function blocksPerModel(opened: readonly OpenedModel[], memoryBytes: number): number {
  const bytesPerBlock = opened.reduce((sum, model) => sum + blockBytesOf(model), 0)
  const capacity = Math.floor(memoryBytes / bytesPerBlock)
  // block 0 stays empty, and the shortest prompt with its answer takes one
  if (capacity < 2)
    throw new RangeError(
      `engine.memory (${memoryBytes} bytes) is too small: ${blockTokens} tokens of K/V over all models take ${bytesPerBlock} bytes; give at least ${Math.ceil((2 * bytesPerBlock) / 2 ** 20)} MiB`,
    )
  return capacity
}

/**
 * The local decoder: one loop in which all sequences of all requests take each step together. A step draws one token for
 * every sequence that wants one, then spends a budget of tokens on prompts. Nothing else runs while a graph runs, so what
 * callers ask for meanwhile (releases above all) takes effect between steps.
 */
export class LocalEngine implements Decoder {
  readonly models: ReadonlyMap<string, LoadedModel>
  readonly #running: ReadonlyMap<string, RunningModel>
  readonly #options: EngineOptions
  readonly #memory: MemoryPlan
  readonly #scoring: LogprobQueue
  readonly #scratch: DrawScratch
  readonly #waiting: LocalSequence[] = []
  readonly #admitted = new Set<LocalSequence>()
  readonly #toRelease: LocalSequence[] = []
  readonly #counters = new StepCounters()
  #loop: Promise<void> | undefined
  #looping = false
  #inStep = false
  #closed = false

  constructor(models: readonly RunningModel[], options: EngineOptions) {
    this.#running = new Map(models.map((model) => [model.name, model]))
    this.models = new Map(models.map((model) => [model.name, model.card]))
    this.#options = options
    this.#memory = new MemoryPlan(this.#running)
    this.#scoring = new LogprobQueue(this.#running, this.#memory)
    // There may be no model at all: the process then only judges with rewards.
    this.#scratch = drawScratch(Math.max(1, ...models.map((model) => model.runner.vocabSize)))
  }

  open(request: SequenceRequest): Sequence {
    for (const term of request.terms) this.#check(term.model, term.adapter, term.promptIds, request.sampling.maxTokens)
    const sequence = new LocalSequence(request, request.sampling.seed)
    this.#memory.check(request)
    if (this.#waiting.length >= this.#options.maxWaiting && !this.#fits(sequence))
      throw new OverloadedError(`${this.#waiting.length} requests are waiting already; try again later.`)
    this.#waiting.push(sequence)
    this.#admit()
    return sequence
  }

  async *advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    const local = sequence as LocalSequence
    signal.throwIfAborted()
    local.wanted = maxNewTokens
    const wake = () => local.wake()
    // all choices of a request listen to one signal
    setMaxListeners(0, signal)
    signal.addEventListener('abort', wake)
    try {
      while (true) {
        const delta = local.takeDelta()
        if (delta !== undefined) yield delta
        signal.throwIfAborted()
        if (local.error !== undefined) throw local.error
        if (delta !== undefined) continue
        if (local.settled) return
        const changed = local.changed()
        this.#kick()
        await changed
      }
    } finally {
      signal.removeEventListener('abort', wake)
      local.wanted = undefined
    }
  }

  fork(sequence: Sequence, seed: bigint): Sequence {
    const parent = sequence as LocalSequence
    if (parent.phase !== 'ready' && parent.phase !== 'over')
      throw new Error('Only a sequence that was prefilled can be forked: advance it by 0 tokens first.')
    const child = new LocalSequence(parent.request, seed, parent)
    this.#memory.fork(parent, child)
    child.phase = parent.phase
    this.#admitted.add(child)
    return child
  }

  release(sequence: Sequence): void {
    const local = sequence as LocalSequence
    local.phase = 'over'
    if (this.#inStep) {
      this.#memory.leave(local)
      this.#toRelease.push(local)
    } else this.#free(local)
    local.wake()
  }

  /**
   * Natural log of each token's probability at temperature 1, given the prompt and the tokens before it.
   * @throws ContextLengthError, UnknownModelError, InvalidRequestError; OverloadedError before anything is computed
   * @throws the signal's reason within one step of an abort
   */
  async tokenLogprobs(term: LogprobTerm, ids: readonly number[], signal: AbortSignal): Promise<Float64Array> {
    const logprobs = new Float64Array(ids.length)
    const note: OnRow = (index, logits) => {
      const row = temperRow(logits, 1)
      logprobs[index] = logits[ids[index]!]! - row.max - row.logSumExp
    }
    await this.readRows(term, ids, note, signal)
    return logprobs
  }

  /** Hands over the logits before each of `ids`, in order, as they are computed; throws like `tokenLogprobs`. */
  async readRows(term: LogprobTerm, ids: readonly number[], onRow: OnRow, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#closed) throw new Error('The engine was closed.')
    this.#check(term.model, term.adapter, term.promptIds, ids.length)
    this.#checkVocabulary(term.model, ids)
    if (ids.length === 0) return
    const read = this.#scoring.add(term, ids, onRow, signal)
    this.#kick()
    await read
  }

  /** Keeps memory for scoring texts with a model, so that requests under way can always be judged. */
  keepScoringRoom(model: string): void {
    this.#memory.keepScoringRoom(model, this.models.get(model)!.contextLength)
  }

  stats(): EngineStats {
    return {
      running: this.#admitted.size,
      waiting: this.#waiting.length,
      ...this.#counters.read(),
      blocks: this.#memory.blocks(),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#loop
    this.#scoring.close()
    for (const model of this.#running.values()) await model.runner.close()
  }

  #check(name: string, adapter: string | undefined, promptIds: readonly number[], maxTokens: number): void {
    const model = this.#running.get(name)
    if (model === undefined) throw new UnknownModelError(name, [...this.#running.keys()])
    const { card } = model
    if (adapter !== undefined && !card.adapterNames.includes(adapter))
      throw new UnknownModelError(adapter, card.adapterNames)
    if (promptIds.length === 0) throw new InvalidRequestError('The prompt is empty.', 'prompt')
    this.#checkVocabulary(name, promptIds)
    if (promptIds.length + maxTokens > card.contextLength)
      throw new ContextLengthError(card.contextLength, promptIds.length, maxTokens)
  }

  #checkVocabulary(model: string, ids: readonly number[]): void {
    const { vocabSize } = this.#running.get(model)!.runner
    const foreign = ids.find((id) => !(id >= 0 && id < vocabSize))
    if (foreign !== undefined)
      throw new InvalidRequestError(`Token ${foreign} is not in the vocabulary of ${vocabSize} tokens.`, 'prompt')
  }

  #fits(sequence: LocalSequence): boolean {
    return (
      this.#waiting.length === 0 &&
      this.#runningRequests() < this.#options.maxRunning &&
      this.#memory.fits(sequence.request)
    )
  }

  #admit(): void {
    if (this.#inStep) return
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#runningRequests() >= this.#options.maxRunning || !this.#memory.fits(next.request)) return
      this.#waiting.shift()
      this.#memory.admit(next)
      const promptTokens = next.request.terms[0]!.promptIds.length
      this.#counters.admitted(promptTokens, next.cachedTokens, performance.now() - next.openedAt)
      next.phase = 'prefilling'
      this.#admitted.add(next)
    }
  }

  // forks take turns within their request's share, so they keep nobody out
  #runningRequests(): number {
    return new Set([...this.#admitted].map((sequence) => sequence.root)).size
  }

  #kick(): void {
    if (this.#looping) return
    this.#looping = true
    this.#loop = this.#run()
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      // messages that arrived during the step, and readers of its tokens, come first
      await nextTurn()
      this.#admit()
      const drawing = this.#nextDrawing()
      const prefilling = [...this.#admitted].filter(
        (sequence) => sequence.phase === 'prefilling' && sequence.wanted !== undefined,
      )
      if (drawing.length === 0 && prefilling.length === 0 && this.#scoring.empty) break
      await this.#step(drawing, prefilling)
    }
    this.#looping = false
  }

  #nextDrawing(): readonly LocalSequence[] {
    const drawing = [...this.#admitted].filter((sequence) => sequence.drawing)
    const chosen = fairShare(drawing, this.#options.maxRunning)
    for (const sequence of chosen) sequence.lastStep = this.#counters.steps
    return chosen
  }

  async #step(drawing: readonly LocalSequence[], prefilling: readonly LocalSequence[]): Promise<void> {
    this.#inStep = true
    const startedAt = performance.now()
    try {
      if (drawing.length > 0)
        this.#counters.decoded(await orFail(drawing, () => decodeStep(drawing, this.#running, this.#scratch)))
      if (prefilling.length > 0)
        this.#counters.prefilledTokens += await orFail(prefilling, () =>
          prefillStep(prefilling, this.#running, this.#options.prefillBudget),
        )
      await this.#scoring.turn(this.#options.prefillBudget)
    } finally {
      this.#inStep = false
      this.#counters.stepped(performance.now() - startedAt)
      for (const sequence of this.#toRelease.splice(0)) this.#free(sequence)
      for (const sequence of [...drawing, ...prefilling]) sequence.wake()
    }
  }

  #free(sequence: LocalSequence): void {
    const waiting = this.#waiting.indexOf(sequence)
    if (waiting >= 0) this.#waiting.splice(waiting, 1)
    this.#admitted.delete(sequence)
    this.#memory.release(sequence)
    this.#admit()
    if (this.#waiting.length > 0 || this.#admitted.size > 0) this.#kick()
  }
}

/** A native error fails the sequences of the step that met it, not the engine. */
async function orFail(sequences: readonly LocalSequence[], step: () => Promise<number>): Promise<number> {
  try {
    return await step()
  } catch (error) {
    for (const sequence of sequences) sequence.fail(error)
    return 0
  }
}
