import { performance } from 'node:perf_hooks'
import type { Decoder, Sequence, SequenceDelta, SequenceRequest, TokenDraw } from '../decoder.ts'
import { endIds } from '../end-ids.ts'
import { ContextLengthError, InvalidRequestError, UnknownModelError } from '../errors.ts'
import { callSeed } from '../rng.ts'
import { CostEstimate } from './block-length.ts'
import { type Chance, seededChance } from './chance.ts'
import { assertAble, type DecodingMode, decodingMode } from './decoding-mode.ts'
import { AcceptanceEstimate } from './draft-rates.ts'
import { engineTilt } from './engine-tilt.ts'
import type { Affinity } from './http/upstream-client.ts'
import { UpstreamError } from './http/upstream-error.ts'
import { OpenStream } from './open-stream.ts'
import { roundPlan, type TermPlaces } from './round-plan.ts'
import { roundShape } from './round-shape.ts'
import { type RoundPlan, speculativeRound } from './speculative-round.ts'
import type { EngineToken, StreamRequest } from './token-engine.ts'
import type { UpstreamModel } from './upstream-model.ts'
import { UpstreamSequence } from './upstream-sequence.ts'

/** What tests replace. */
export interface UpstreamDecoderOptions {
  /** Chance of a sequence's own decisions; drafts are drawn by the engine. */
  readonly chanceOf?: (sequence: UpstreamSequence) => Chance
  readonly now?: () => number
}

/** How one sequence is decoded; forks share it but for their acceptance. */
interface Course {
  readonly model: UpstreamModel
  readonly mode: DecodingMode
  readonly plan: RoundPlan | undefined
  readonly affinity: Affinity
  readonly acceptance: AcceptanceEstimate
}

/**
 * A Decoder whose tokens an engine draws over HTTP, by token id. Without guides, and with guides that run inside the engine, its tokens are
 * passed on as they stream; with other guides it drafts blocks that the other terms read and accept/reject sampling corrects. A fork is the same token
 * ids once more: the engine's prefix cache has computed them already.
 */
export class UpstreamDecoder implements Decoder {
  readonly #places: TermPlaces
  readonly #chanceOf: (sequence: UpstreamSequence) => Chance
  readonly #now: () => number
  readonly #courses = new WeakMap<UpstreamSequence, Course>()
  readonly #costs = new Map<string, CostEstimate>()
  readonly #streams = new WeakMap<UpstreamSequence, OpenStream>()

  constructor(places: TermPlaces, options: UpstreamDecoderOptions = {}) {
    this.#places = places
    this.#chanceOf = options.chanceOf ?? ((sequence) => seededChance(sequence.seed, sequence.chance))
    this.#now = options.now ?? (() => performance.now())
  }

  open(request: SequenceRequest): Sequence {
    const base = request.terms[0]!
    const model = this.#places.upstream.get(base.model)
    if (model === undefined) throw new UnknownModelError(base.model, [...this.#places.upstream.keys()])
    for (const term of request.terms) this.#check(term.model, term.adapter, term.promptIds, request.sampling.maxTokens)
    if (model.inside)
      throw new InvalidRequestError(`'${base.model}' is a guide inside an engine; it answers nothing alone.`, 'model')
    const mode = decodingMode(request, this.#places.upstream)
    assertAble(request, mode, model.engine.abilities)
    const plan = mode === 'speculative' ? roundPlan(request, this.#places) : undefined
    const vocabulary = { eosTokenIds: model.eosTokenIds, bytesOf: (id: number) => model.tokenizer.bytesOf(id) }
    const sequence = new UpstreamSequence(request, request.sampling.seed, vocabulary)
    const affinity = { prefix: base.promptIds.slice(0, 64).join(' '), traceparent: request.traceparent }
    this.#courses.set(sequence, { model, mode, plan, affinity, acceptance: new AcceptanceEstimate() })
    return sequence
  }

  async *advance(sequence: Sequence, maxNewTokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    const own = sequence as UpstreamSequence
    signal.throwIfAborted()
    const end = Math.min(own.generatedTokens + maxNewTokens, own.request.sampling.maxTokens)
    const stop = AbortSignal.any([signal, own.gone])
    try {
      while (own.generatedTokens < end && own.finishReason === undefined) {
        stop.throwIfAborted()
        yield* this.#steps(own, end - own.generatedTokens, stop)
      }
      stop.throwIfAborted()
    } catch (error) {
      signal.throwIfAborted()
      // whoever released the sequence waits for nothing more of it
      if (!own.released) throw error
    }
  }

  fork(sequence: Sequence, seed: bigint): Sequence {
    const parent = sequence as UpstreamSequence
    const course = this.#courses.get(parent)!
    const child = parent.fork(seed)
    this.#courses.set(child, { ...course, acceptance: course.acceptance.clone() })
    return child
  }

  release(sequence: Sequence): void {
    ;(sequence as UpstreamSequence).release()
  }

  #steps(sequence: UpstreamSequence, tokens: number, signal: AbortSignal): AsyncGenerator<SequenceDelta> {
    const course = this.#courses.get(sequence)!
    return course.plan === undefined
      ? this.#stream(sequence, course, tokens, signal)
      : this.#round(sequence, course, course.plan, tokens, signal)
  }

  async *#stream(sequence: UpstreamSequence, course: Course, tokens: number, signal: AbortSignal) {
    const open = this.#streams.get(sequence) ?? this.#openStream(sequence, course, tokens)
    const end = sequence.generatedTokens + tokens
    let rest: StreamRest = 'left'
    try {
      while (sequence.generatedTokens < end && sequence.finishReason === undefined) {
        const drawn = await open.take(end - sequence.generatedTokens, signal)
        // pieces that arrived together come without a pause in which an abort could be noticed
        signal.throwIfAborted()
        if (drawn === undefined) break
        assertKnown(drawn, course.model)
        const delta = sequence.accept(drawn.map((token) => toDraw(token, sequence.request, course)))
        if (delta.text !== '' || delta.draws.length > 0) yield delta
        if (open.finish === 'stop' && sequence.finishReason === undefined)
          throw foreignEnd(course.model.engine.name, sequence.ids.at(-1))
      }
      if (!open.brought) throw new UpstreamError('protocol', course.model.engine.name, 'ended a stream without a token')
      rest = restOf(sequence, open)
      if (rest === 'later') open.keep()
    } catch (error) {
      if (signal.aborted || !open.brokeUnread) throw error
      // nobody misses what it had drawn ahead: `advance` goes on in another call
    } finally {
      if (rest !== 'later') this.#streams.delete(sequence)
      if (rest === 'left') await open.leave()
    }
    if (rest === 'read') await open.readToEnd(signal)
  }

  #openStream(sequence: UpstreamSequence, course: Course, tokens: number): OpenStream {
    const { model, mode, affinity } = course
    const { terms, ahead } = sequence.request
    const tilt = mode === 'inside' ? engineTilt(terms, sequence.ids, this.#places.upstream) : undefined
    const most = ahead === true ? sequence.room : tokens
    const request = { ...streamRequest(sequence, model, most), tilt }
    const open = new OpenStream((signal) => model.engine.stream(request, { signal, affinity }), sequence.gone)
    this.#streams.set(sequence, open)
    return open
  }

  async *#round(sequence: UpstreamSequence, course: Course, plan: RoundPlan, tokens: number, signal: AbortSignal) {
    const costs = this.#costsOf(plan)
    const shape = roundShape(plan, sequence, { rates: course.acceptance.rates, cost: costs.cost }, tokens)
    const start = {
      answer: sequence.ids,
      block: shape.length,
      drafts: shape.drafts,
      seed: callSeed(sequence.seed, sequence.calls++),
    }
    const began = this.#now()
    const { draws, report, looks } = await speculativeRound(plan, start, this.#chanceOf(sequence), {
      signal,
      affinity: course.affinity,
    })
    assertKnown(draws, course.model)
    costs.observe(shape, this.#now() - began)
    course.acceptance.observe(looks)
    sequence.request.meter?.count(report)
    yield sequence.accept(draws)
  }

  #costsOf({ engine, model, readers }: RoundPlan): CostEstimate {
    const key = `${engine.name} ${model} ${readers.length}`
    const known = this.#costs.get(key) ?? new CostEstimate()
    this.#costs.set(key, known)
    return known
  }

  #check(name: string, adapter: string | undefined, promptIds: readonly number[], maxTokens: number): void {
    const model = this.#places.upstream.get(name)
    // terms on local models are checked by the engine that reads them
    if (model === undefined) return
    if (adapter !== undefined) throw new UnknownModelError(adapter, [])
    if (promptIds.length === 0) throw new InvalidRequestError('The prompt is empty.', 'prompt')
    const foreign = promptIds.find((id) => !(id >= 0 && id < model.tokenizer.size))
    if (foreign !== undefined)
      throw new InvalidRequestError(
        `Token ${foreign} is not in the vocabulary of ${model.tokenizer.size} tokens.`,
        'prompt',
      )
    if (promptIds.length + maxTokens > model.contextLength)
      throw new ContextLengthError(model.contextLength, promptIds.length, maxTokens)
  }
}

/** What becomes of a call behind the tokens that were wanted: read to its end, read on later, or left at once. */
type StreamRest = 'read' | 'later' | 'left'

function restOf({ finishReason, request }: UpstreamSequence, open: OpenStream): StreamRest {
  // an engine that is not done yet with an answer that has ended here is left; one that is says goodbye
  if (finishReason !== undefined) return open.ended ? 'read' : 'left'
  return request.ahead === true && !open.exhausted ? 'later' : 'read'
}

function streamRequest(
  sequence: UpstreamSequence,
  model: UpstreamModel,
  maxTokens: number,
): Omit<StreamRequest, 'tilt'> {
  const { terms, sampling } = sequence.request
  return {
    model: model.model,
    promptIds: [...terms[0]!.promptIds, ...sequence.ids],
    maxTokens,
    sampling,
    seed: callSeed(sequence.seed, sequence.calls++),
    top: sampling.topLogprobs,
    // our own idea of what ends an answer, so that an engine that knows fewer ends stops as well
    stopTokenIds: endIds(model.eosTokenIds, sampling),
  }
}

/** An id without a text would vanish from the answer. */
function assertKnown(tokens: readonly { readonly id: number }[], { engine, tokenizer }: UpstreamModel): void {
  const foreign = tokens.find(({ id }) => tokenizer.tokenOf(id) === undefined)
  if (foreign === undefined) return
  throw new UpstreamError(
    'protocol',
    engine.name,
    `drew token ${foreign.id}, which the tokenizer configured does not have`,
  )
}

/** The engine ended an answer at a token that ends none here: it serves another model, or knows further ends. */
function foreignEnd(engine: string, id: number | undefined): UpstreamError {
  const which =
    id === undefined ? 'before its first token' : `at token ${id}, which does not end answers of the model configured`
  return new UpstreamError('protocol', engine, `ended an answer ${which}`)
}

function toDraw({ id, logprob: reported, top }: EngineToken, { sampling, terms }: SequenceRequest, course: Course) {
  // Before temperature and filters it is not that of the law the token was drawn from; nobody may take it for that.
  const foreign =
    course.model.engine.abilities.logprobs === 'raw' &&
    (course.mode === 'inside' || (course.mode === 'delegated' && sampling.temperature > 0))
  const logprob = foreign ? Number.NaN : reported
  const alternatives = top.ids.map((other, i) => ({ id: other, logprob: top.logprobs[i]! }))
  return {
    id,
    logprob,
    top: sampling.topLogprobs === undefined ? undefined : alternatives,
    termLogprobs: sampling.trace ? terms.map(() => logprob) : undefined,
  } satisfies TokenDraw
}
