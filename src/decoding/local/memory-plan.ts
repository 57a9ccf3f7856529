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
  /** The living sequences of each opened one: itself and its forks. */
  readonly #families = new Map<LocalSequence, Set<LocalSequence>>()
  /** Those of them that were given up in the middle of a step, at whose end their blocks are freed. */
  readonly #leaving = new Set<LocalSequence>()
  /** Blocks kept for scoring, by model. */
  readonly #scoringRoom = new Map<string, number>()

  constructor(models: ReadonlyMap<string, DecodingModel>) {
    this.#models = models
  }

  /**
   * Keeps room on a model for scoring one text of up to `tokens` tokens at a time (a quarter of its memory at most), so that
   * a request that is under way never lacks the memory to be judged.
   */
  keepScoringRoom(model: string, tokens: number): void {
    const { capacity } = this.#models.get(model)!.runner.pool
    this.#scoringRoom.set(model, Math.min(Math.ceil(tokens / blockTokens), capacity >> 2))
  }

  /** Whether a text to score fits into the room that was kept for it, or into what is free. */
  fitsScoring(request: SequenceRequest): boolean {
    const kept = [...needs(request)].every(([model, need]) => need <= (this.#scoringRoom.get(model) ?? 0))
    return kept || this.fits(request)
  }

  /** @throws InvalidRequestError for what would not fit into an empty engine */
  check(request: SequenceRequest): void {
    for (const [model, need] of needs(request)) {
      const room = this.#models.get(model)!.runner.pool.capacity - 1 - (this.#scoringRoom.get(model) ?? 0)
      if (need > room)
        throw new InvalidRequestError(
          `The request may need ${need * blockTokens} tokens of memory on '${model}', which has ${room * blockTokens}. ` +
            'Lower max_tokens or the number of answers and guides, or raise engine.memory (--memory).',
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
    const { terms, sampling } = sequence.request
    sequence.contexts = terms.map((term) =>
      this.#models.get(term.model)!.runner.context(term.adapter, term.promptIds, blocksOf(term, sampling.maxTokens)),
    )
    this.#join(sequence)
    const reused = sequence.contexts.map((context) => context.reuse(chunkTokens))
    sequence.cachedTokens = reused[0]!
  }

  /** @throws OverloadedError when more forks live than room was kept for, and there is none left */
  fork(parent: LocalSequence, child: LocalSequence): void {
    const left = parent.request.sampling.maxTokens - parent.generatedTokens
    const needs = parent.contexts.map(({ length }) => blocksFrom(length, left))
    if (this.#freePlaces(parent.root) === 0) this.#assertRoom(parent, needs)
    child.contexts = parent.contexts.map((context, t) => context.fork(needs[t]! + 1))
    // either of the two may be the one that has to copy the block they share
    for (const [t, context] of parent.contexts.entries()) context.reserved = needs[t]!
    this.#join(child)
  }

  /**
   * Gives its place to the next fork of its family at once, while a step may still read its blocks: forks allocate nothing
   * before the next step.
   */
  leave(sequence: LocalSequence): void {
    this.#leaving.add(sequence)
  }

  /** Its place is kept for the next fork of its family, as long as one member lives. */
  release(sequence: LocalSequence): void {
    this.#leaving.delete(sequence)
    const family = this.#families.get(sequence.root)
    family?.delete(sequence)
    if (family?.size === 0) this.#families.delete(sequence.root)
    for (const context of sequence.contexts) context.release()
    sequence.contexts = []
  }

  #join(sequence: LocalSequence): void {
    const family = this.#families.get(sequence.root) ?? new Set()
    family.add(sequence)
    this.#families.set(sequence.root, family)
  }

  /** Places kept for forks that do not exist now. */
  #freePlaces(root: LocalSequence): number {
    const staying = [...(this.#families.get(root) ?? [])].filter((member) => !this.#leaving.has(member))
    return Math.max(0, (root.request.forks ?? 0) + 1 - staying.length)
  }

  #assertRoom(parent: LocalSequence, needs: readonly number[]): void {
    const need = new Map<string, number>()
    for (const [t, { model }] of parent.request.terms.entries()) need.set(model, (need.get(model) ?? 0) + needs[t]! + 1)
    for (const [model, blocks] of need)
      if (blocks > this.#available(model)) throw new OverloadedError(`No memory left on '${model}' for one more fork.`)
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
    return pool.capacity - 1 - pool.held - this.#reserved(model) - (this.#scoringRoom.get(model) ?? 0)
  }

  #reserved(model: string): number {
    let blocks = 0
    for (const [root, family] of this.#families) {
      const { terms, sampling } = root.request
      const places = this.#freePlaces(root)
      for (const [t, term] of terms.entries()) {
        if (term.model !== model) continue
        blocks += places * forkBlocks(term, sampling.maxTokens)
        for (const { contexts } of family) blocks += Math.max(0, contexts[t]?.reserved ?? 0)
      }
    }
    return blocks
  }
}

/** Blocks that a context of `length` tokens and `left` to come may still allocate, a copy of its last one included. */
const blocksFrom = (length: number, left: number): number =>
  Math.ceil((length + 1 + left) / blockTokens) - Math.floor(length / blockTokens)

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
