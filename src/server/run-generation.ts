import type { TokenDraw } from '../decoding/decoder.ts'
import { UpstreamError } from '../decoding/upstream/http/upstream-error.ts'
import { mergeStreams } from '../guidance/merge-streams.ts'
import type { ChoiceOutcome, StrategyEvent } from '../guidance/strategy.ts'
import { type AlignmentTrace, type TokenTrace, traceToken, traceWeights } from '../guidance/trace.ts'
import type { AlignmentReport, GenerationEvent, GenerationRequest } from './engine-messages.ts'
import { type GenerationEngine, type PlannedPrompt, planGeneration } from './plan-generation.ts'
import { inField, toolFormatOf } from './plan-grammar.ts'
import { speculationReport } from './speculation-report.ts'
import { reportToken, tokenText } from './token-report.ts'
import { ToolCallReader } from './tool-call-reader.ts'

type Emit = (event: GenerationEvent) => void
type DeltaEvent = Extract<GenerationEvent, { type: 'choice-delta' }>
type Located = readonly [prompt: number, event: StrategyEvent]

/**
 * Runs one request to its end, telling `emit` what happens.
 * @throws errors of planning and decoding; the signal's reason
 */
export async function runGeneration(
  engine: GenerationEngine,
  request: GenerationRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  try {
    await generate(engine, request, emit, signal)
  } catch (error) {
    if (error instanceof UpstreamError) engine.doubt(error.upstream)
    throw inField(error, request)
  }
}

async function generate(
  engine: GenerationEngine,
  request: GenerationRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  await engine.prepare(request.model, signal)
  const prompts = planGeneration(engine, request)
  const readers = new Set(prompts.flatMap(({ alignment }) => alignment.terms.map(({ model }) => model)))
  for (const model of readers) await engine.prepare(model, signal)
  const tally = new Tally(engine, request, prompts)
  for await (const located of allStreams(engine, prompts, signal)) tally.take(located, emit)
  emit(tally.end())
}

function callReaders(engine: GenerationEngine, { model, tools }: GenerationRequest, count: number): ToolCallReader[] {
  if (tools === undefined) return []
  const format = toolFormatOf(engine.models.get(model)!)
  const names = tools.offer.definitions.map((tool) => tool.function.name)
  return Array.from({ length: count }, () => new ToolCallReader(format, names))
}

function allStreams(
  engine: GenerationEngine,
  prompts: readonly PlannedPrompt[],
  signal: AbortSignal,
): AsyncGenerator<Located> {
  const siblings = new AbortController()
  const stop = prompts.length === 1 ? signal : AbortSignal.any([signal, siblings.signal])
  const streams = prompts.map(({ request, answers }, index) =>
    located(index, answers.strategy(request, engine.decoder, stop)),
  )
  const [only] = streams
  return only !== undefined && streams.length === 1 ? only : mergeStreams(streams, () => siblings.abort())
}

async function* located(prompt: number, events: AsyncGenerator<StrategyEvent>): AsyncGenerator<Located> {
  for await (const event of events) yield [prompt, event]
}

/** Turns a strategy's events into the request's and counts what they cost. */
class Tally {
  readonly #engine: GenerationEngine
  readonly #request: GenerationRequest
  readonly #prompts: readonly PlannedPrompt[]
  readonly #traces: TokenTrace[][]
  /** Per prompt: choices share what the first one found. */
  readonly #cached: number[]
  readonly #outcomes: (ChoiceOutcome | undefined)[]
  /** Per choice, where tools may be called. */
  readonly #readers: readonly ToolCallReader[]
  #returned = 0
  #generated = 0
  #guide = 0

  constructor(engine: GenerationEngine, request: GenerationRequest, prompts: readonly PlannedPrompt[]) {
    this.#engine = engine
    this.#request = request
    this.#prompts = prompts
    const choices = { length: prompts.length * request.n }
    this.#traces = Array.from(choices, () => [])
    this.#cached = prompts.map(() => Number.POSITIVE_INFINITY)
    this.#readers = callReaders(engine, request, choices.length)
    this.#outcomes = Array.from(choices, () => undefined)
  }

  take([promptIndex, event]: Located, emit: Emit): void {
    if (event.type === 'progress') {
      emit({ type: 'generation-progress', message: event.message })
      return
    }
    const index = promptIndex * this.#request.n + event.index
    if (event.type === 'choice-delta') {
      const { text, draws } = event
      const tokens = this.#wantsLogprobs ? draws.map((draw) => reportToken(draw, this.#tokenizer)) : undefined
      this.#trace(index, promptIndex, draws)
      emit({ type: 'choice-delta', index, ...this.#pieces(index, text), tokens })
      return
    }
    if (event.endDraw !== undefined) this.#trace(index, promptIndex, [event.endDraw], '')
    this.#returned += event.returnedTokens
    this.#generated += event.generatedTokens
    this.#guide += event.generatedTokens * this.#guidesOf(promptIndex)
    this.#cached[promptIndex] = Math.min(this.#cached[promptIndex]!, event.cachedTokens)
    this.#outcomes[index] = event.outcome
    const reader = this.#readers[index]
    const rest = reader?.finish().text ?? ''
    if (rest !== '') emit({ type: 'choice-delta', index, text: rest, tokens: this.#wantsLogprobs ? [] : undefined })
    // a stop string may end an answer in the middle of a call, which is then none that can be made
    const called = event.finishReason === 'stop' && reader !== undefined && reader.calls > 0 && !reader.cut
    emit({ type: 'choice-end', index, finishReason: called ? 'tool-calls' : event.finishReason })
  }

  /** The text, with the calls of tools taken out of it. */
  #pieces(index: number, text: string): Pick<DeltaEvent, 'text' | 'calls'> {
    const reader = this.#readers[index]
    if (reader === undefined) return { text }
    const pieces = reader.push(text)
    return pieces.calls.length === 0 ? { text: pieces.text } : pieces
  }

  end(): GenerationEvent {
    const usage = {
      promptTokens: this.#prompts.reduce((sum, { alignment }) => sum + alignment.terms[0]!.promptIds.length, 0),
      completionTokens: this.#returned,
      cachedTokens: this.#cached.reduce((sum, count) => sum + count, 0),
    }
    if (this.#request.alignment === undefined) return { type: 'generation-end', usage, alignment: undefined }
    const tokens = {
      returned: this.#returned,
      generated: this.#generated,
      guide: this.#guide + this.#draftedForGuides,
      rewardCalls: this.#rewardCalls,
    }
    const report = {
      method: this.#method,
      tokens,
      ...this.#speculation,
      trace: this.#wholeTrace(),
      ...(this.#outcomes.some(Boolean) ? { outcomes: this.#outcomes } : {}),
    }
    return { type: 'generation-end', usage, alignment: report }
  }

  /** How many guides read each drawn token; drafts are counted as they are read. */
  #guidesOf(promptIndex: number): number {
    const { request, alignment } = this.#prompts[promptIndex]!
    return request.meter === undefined || request.meter.rounds === 0 ? alignment.terms.length - 1 : 0
  }

  get #draftedForGuides(): number {
    return this.#prompts.reduce((sum, { request, alignment }) => {
      return sum + (request.meter?.drafted ?? 0) * (alignment.terms.length - 1)
    }, 0)
  }

  get #speculation(): Pick<AlignmentReport, 'speculation'> {
    const meters = this.#prompts.flatMap(({ request }) => request.meter ?? [])
    const speculation = speculationReport(meters)
    return speculation === undefined ? {} : { speculation }
  }

  get #rewardCalls(): number {
    return this.#outcomes.reduce((sum, outcome) => sum + (outcome?.rewardCalls ?? 0), 0)
  }

  /** Guides, then strategies: "genarm+particles"; "base" without any. */
  get #method(): string {
    const { alignment, answers } = this.#prompts[0]!
    const guides = alignment.method === 'base' ? [] : [alignment.method]
    return [...guides, ...answers.methods].join('+') || 'base'
  }

  get #wantsLogprobs(): boolean {
    return this.#request.sampling.topLogprobs !== undefined
  }

  get #tokenizer() {
    return this.#engine.models.get(this.#request.model)!.tokenizer
  }

  /** Notes how the draws came about, if that was asked for; `text` is each one's own unless given. */
  #trace(index: number, promptIndex: number, draws: readonly TokenDraw[], text?: string): void {
    if (!this.#request.sampling.trace) return
    const { readings } = this.#prompts[promptIndex]!.alignment
    const textOf = (id: number) => tokenText(id, this.#tokenizer)
    for (const draw of draws) this.#traces[index]!.push(traceToken(draw, text ?? textOf(draw.id), readings, textOf))
  }

  #wholeTrace(): AlignmentTrace | undefined {
    if (!this.#request.sampling.trace) return undefined
    // The prompts of a request share one alignment, so one set of weights.
    const { baseWeight, readings } = this.#prompts[0]!.alignment
    return { baseWeight, weights: traceWeights(readings), choices: this.#traces }
  }
}
