import type { LogitTerm, SequenceRequest } from '../decoder.ts'
import { InvalidRequestError, OverloadedError } from '../errors.ts'
import { blockTokens } from '../graph/attention.ts'
import type { DecodingModel } from './decode-step.ts'
import type { EngineStats } from './engine-options.ts'
import type { LocalSequence } from './local-sequence.ts'
import { chunkTokens } from './prefill-step.ts'

/**
 * Keeps K/V memory to its bound: a sequence starts only when every block it may ever need is free or can be freed, so that
 * nothing runs out midway (docs/decisions/0006).
 */
export class MemoryPlan {
  readonly #models: ReadonlyMap<string, DecodingModel>
  readonly #sequences = new Set<LocalSequence>()

  constructor(models: ReadonlyMap<string, DecodingModel>) {
    this.#models = models
  }

  /** @throws InvalidRequestError for what would not fit into an empty engine */
  check(request: SequenceRequest): void {
    for (const [model, need] of needs(request)) {
      const room = this.#models.get(model)!.runner.pool.capacity - 1
      if (need > room)
        throw new InvalidRequestError(
          `The request may need ${need * blockTokens} tokens of memory on '${model}', which has ${room * blockTokens}. ` +
            'Lower max_tokens or the number of answers and guides, or give the engine more memory.',
          'max_tokens',
        )
    }
  }

  fits(request: SequenceRequest): boolean {
    for (const [model, need] of needs(request)) if (need > this.#available(model)) return false
    return true
  }

  /** Gives a sequence its contexts, as far prefilled as the prefix cache allows. */
  admit(sequence: LocalSequence): void {
    const { terms, sampling, forks = 0 } = sequence.request
    sequence.contexts = terms.map((term) =>
      this.#models.get(term.model)!.runner.context(term.adapter, term.promptIds, blocksOf(term, sampling.maxTokens)),
    )
    sequence.forkReserve = terms.map((term) => forks * forkBlocks(term, sampling.maxTokens))
    this.#sequences.add(sequence)
    const reused = sequence.contexts.map((context) => context.reuse(chunkTokens))
    sequence.cachedTokens = reused[0]!
  }

  /** @throws OverloadedError when there is no room for what the child may still need */
  fork(parent: LocalSequence, child: LocalSequence): void {
    const { terms, sampling } = parent.request
    const left = sampling.maxTokens - parent.generatedTokens
    const reserves = parent.contexts.map(
      (context) => Math.ceil((context.length + 1 + left) / blockTokens) - Math.floor(context.length / blockTokens) + 1,
    )
    if (parent.forksLeft > 0) {
      parent.forksLeft--
      for (const [t, reserve] of parent.forkReserve.entries())
        parent.forkReserve[t] =
          parent.forksLeft === 0 ? 0 : Math.max(0, reserve - forkBlocks(terms[t]!, sampling.maxTokens))
    } else {
      const need = new Map<string, number>()
      for (const [t, { model }] of terms.entries()) need.set(model, (need.get(model) ?? 0) + reserves[t]!)
      for (const [model, blocks] of need)
        if (blocks > this.#available(model))
          throw new OverloadedError(`No memory left on '${model}' for one more fork.`)
    }
    child.contexts = parent.contexts.map((context, t) => context.fork(reserves[t]!))
    // either of the two may be the one that has to copy the block they share
    for (const context of parent.contexts) context.reserved++
    this.#sequences.add(child)
  }

  release(sequence: LocalSequence): void {
    this.#sequences.delete(sequence)
    for (const context of sequence.contexts) context.release()
    sequence.contexts = []
    sequence.forkReserve = []
  }

  blocks(): EngineStats['blocks'] {
    const sum = (of: (model: DecodingModel) => number) => [...this.#models.values()].reduce((s, m) => s + of(m), 0)
    return {
      total: sum((model) => model.runner.pool.capacity - 1),
      live: sum((model) => model.runner.pool.held),
      cached: sum((model) => model.runner.pool.coldCount),
      reserved: sum((model) => this.#reserved(model.name)),
    }
  }

  #available(model: string): number {
    const { pool } = this.#models.get(model)!.runner
    return pool.capacity - 1 - pool.held - this.#reserved(model)
  }

  #reserved(model: string): number {
    let blocks = 0
    for (const sequence of this.#sequences)
      for (const [t, context] of sequence.contexts.entries())
        if (sequence.request.terms[t]!.model === model)
          blocks += Math.max(0, context.reserved) + (sequence.forkReserve[t] ?? 0)
    return blocks
  }
}

function needs(request: SequenceRequest): Map<string, number> {
  const { terms, sampling, forks = 0 } = request
  const need = new Map<string, number>()
  for (const term of terms) {
    const blocks = blocksOf(term, sampling.maxTokens) + forks * forkBlocks(term, sampling.maxTokens)
    need.set(term.model, (need.get(term.model) ?? 0) + blocks)
  }
  return need
}

const blocksOf = (term: LogitTerm, maxTokens: number): number =>
  Math.ceil((term.promptIds.length + maxTokens) / blockTokens)

/** What a fork adds to its parent's blocks: its own answer, a copy of the block where it begins, and the parent's copy. */
const forkBlocks = (term: LogitTerm, maxTokens: number): number =>
  blocksOf(term, maxTokens) - Math.floor((term.promptIds.length - 1) / blockTokens) + 2
