import { AnswerText } from '../answer-text.ts'
import type { FinishReason, Sequence, SequenceDelta, SequenceRequest, TokenDraw } from '../decoder.ts'
import type { GrammarState } from '../grammar/token-grammar.ts'
import { hasPenalties, TokenHistory } from '../penalties.ts'
import { compileStopStrings } from '../stop-strings.ts'
import type { KvContext } from './kv-context.ts'

/** waiting for memory -> prefilling -> ready to draw -> over */
export type SequencePhase = 'waiting' | 'prefilling' | 'ready' | 'over'

/** An answer under way in the local engine: its contexts, its text, and what its reader has not taken yet. */
export class LocalSequence implements Sequence {
  readonly request: SequenceRequest
  readonly seed: bigint
  /** The opened sequence this one was forked from, over any number of forks; itself, if it was opened. */
  readonly root: LocalSequence
  /** The engine step that last drew a token for it. */
  lastStep: number
  /** Milliseconds, as performance.now() tells them. */
  readonly openedAt = performance.now()
  phase: SequencePhase = 'waiting'
  finishReason: FinishReason | undefined
  endDraw: TokenDraw | undefined
  cachedTokens = 0
  generatedTokens = 0
  /** Tokens the reader still asks for; undefined while nobody advances the sequence. */
  wanted: number | undefined
  error: unknown
  contexts: readonly KvContext[] = []
  /** Draws for which the whole row is fetched at once, because the most likely tokens did not decide lately. */
  wholeRows: number
  /** The draw before which the most likely tokens last did not decide. */
  lastMiss: number
  readonly history: TokenHistory | undefined
  /** How far the answer has come in its grammar, if it has one. */
  grammarState: GrammarState | undefined
  #answer: AnswerText
  #nextInput: number
  #outbox: SequenceDelta[] = []
  #wake: (() => void) | undefined

  constructor(request: SequenceRequest, seed: bigint, origin?: LocalSequence) {
    this.request = request
    this.seed = seed
    this.root = origin?.root ?? this
    this.lastStep = origin?.lastStep ?? -1
    const base = request.terms[0]!
    this.#answer =
      origin === undefined ? new AnswerText(compileStopStrings(request.sampling.stop)) : origin.#answer.clone()
    this.#nextInput = origin === undefined ? base.promptIds.at(-1)! : origin.#nextInput
    this.generatedTokens = origin?.generatedTokens ?? 0
    this.cachedTokens = origin?.cachedTokens ?? 0
    this.finishReason = origin?.finishReason
    this.endDraw = origin?.endDraw
    this.wholeRows = origin?.wholeRows ?? 0
    this.lastMiss = origin?.lastMiss ?? Number.NEGATIVE_INFINITY
    this.grammarState = origin === undefined ? request.grammar?.start : origin.grammarState
    this.history = hasPenalties(request.sampling)
      ? (origin?.history?.clone() ?? new TokenHistory(base.promptIds))
      : undefined
  }

  get text(): string {
    return this.#answer.text
  }

  /** Whether the next step should draw a token for it. */
  get drawing(): boolean {
    return this.phase === 'ready' && this.wanted !== undefined && this.wanted > 0
  }

  /** Whether its reader has nothing more to wait for. */
  get settled(): boolean {
    return this.phase === 'over' || (this.phase === 'ready' && (this.wanted ?? 0) <= 0)
  }

  /** Whether its grammar lets nothing follow. */
  get exhausted(): boolean {
    return this.phase === 'ready' && this.grammarState?.places.length === 0
  }

  /** The token each context takes in next: its prompt's last one first, then the drawn ones. */
  nextInput(term: number): number {
    return this.generatedTokens === 0 ? this.request.terms[term]!.promptIds.at(-1)! : this.#nextInput
  }

  /** Takes in a drawn token that goes on with the answer. */
  accept(draw: TokenDraw, bytes: Uint8Array): void {
    const { grammar } = this.request
    if (this.grammarState !== undefined) this.grammarState = grammar!.after(this.grammarState, draw.id)
    this.#count(draw.id)
    this.#outbox.push(this.#answer.push(draw, bytes))
    if (this.#answer.stopped) this.#end('stop')
    else if (this.generatedTokens >= this.request.sampling.maxTokens) this.finish('length')
  }

  /** A token that ends the answer; it is not part of the text. */
  acceptEnd(draw: TokenDraw): void {
    this.#count(draw.id)
    this.endDraw = draw
    this.finish('stop')
  }

  finish(reason: FinishReason): void {
    this.#outbox.push(this.#answer.finish())
    this.#end(reason)
  }

  fail(error: unknown): void {
    this.error = error
    this.phase = 'over'
  }

  takeDelta(): SequenceDelta | undefined {
    const taken = this.#outbox
    this.#outbox = []
    const text = taken.map((delta) => delta.text).join('')
    const draws = taken.flatMap((delta) => delta.draws)
    return text === '' && draws.length === 0 ? undefined : { text, draws }
  }

  /** Resolves at the next sign of life. */
  changed(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  #count(id: number): void {
    this.generatedTokens++
    if (this.wanted !== undefined) this.wanted--
    this.#nextInput = id
    this.history?.add(id)
  }

  #end(reason: FinishReason): void {
    this.finishReason = reason
    this.phase = 'over'
  }
}
