import { type ToolFormat, type ToolSyntax, toolSyntax } from '../decoding/tool-calls.ts'
import type { ToolCallPiece } from './engine-messages.ts'

/** What a piece of text has brought: text outside of calls, and parts of calls. */
export interface ReadPieces {
  readonly text: string
  readonly calls: readonly ToolCallPiece[]
}

/** text, then for each call: all that is before its arguments, and the arguments. */
type Phase = 'text' | 'opening' | 'arguments'

/**
 * Takes the calls of tools out of an answer as it comes. The grammar has made sure of their form; what waits because it may
 * begin a call is text after all when it does not, and when the answer is cut there: nothing is ever lost.
 */
export class ToolCallReader {
  readonly #syntax: ToolSyntax
  readonly #first: RegExp
  readonly #next: RegExp
  /** How the first call may begin. */
  readonly #openings: readonly string[]
  #phase: Phase
  /** Not decided yet. */
  #held = ''
  #nesting = new Nesting()
  #calls = 0

  /** @param names of the functions that may be called: another name makes no call */
  constructor(format: ToolFormat, names: readonly string[]) {
    this.#syntax = toolSyntax[format]
    const { trigger, open, between, argumentsKey } = this.#syntax
    const opening = `\\{"name": "(${names.map(literally).join('|')})", "${argumentsKey}": (?=\\{)`
    this.#first = new RegExp(`^${literally(trigger + open)}${opening}`)
    this.#next = new RegExp(`^\\}${literally(between)}${opening}`)
    this.#openings = names.map((name) => `${trigger}${open}{"name": "${name}", "${argumentsKey}": {`)
    this.#phase = trigger === '' ? 'opening' : 'text'
  }

  /** Calls that have begun. */
  get calls(): number {
    return this.#calls
  }

  /** The last call has not come to its end: an answer that ends there was cut. */
  get cut(): boolean {
    return this.#phase === 'arguments'
  }

  push(piece: string): ReadPieces {
    this.#held += piece
    let text = ''
    const calls: ToolCallPiece[] = []
    let phase: Phase | undefined
    while (phase !== this.#phase) {
      phase = this.#phase
      if (phase === 'text') text += this.#readText()
      else if (phase === 'opening') text += this.#readOpening(calls)
      else calls.push(...this.#readArguments())
    }
    return { text, calls: joined(calls) }
  }

  /** The answer is over: what waits is text, but for the end of the last call. */
  finish(): ReadPieces {
    const text = this.#calls > 0 && this.#phase === 'opening' ? this.#behindCall() : this.#held
    this.#held = ''
    return { text, calls: [] }
  }

  /** What has come of a next call, without the end of the last one. */
  #behindCall(): string {
    const { close, between } = this.#syntax
    const end = `}${close}`
    if ([end, `}${between}`].some((whole) => whole.startsWith(this.#held))) return ''
    return this.#held.slice(this.#held.startsWith(end) ? end.length : 1).trimStart()
  }

  /** Up to the trigger, of which the end of the text may be the beginning. */
  #readText(): string {
    const { trigger } = this.#syntax
    const at = trigger === '' ? -1 : this.#held.indexOf(trigger)
    if (at >= 0) this.#phase = 'opening'
    const end = at >= 0 ? at : this.#held.length - overlap(this.#held, trigger)
    const text = this.#held.slice(0, end)
    this.#held = this.#held.slice(end)
    return text
  }

  /** Adds the call that begins; what turns out to be none is text. */
  #readOpening(calls: ToolCallPiece[]): string {
    const found = (this.#calls === 0 ? this.#first : this.#next).exec(this.#held)
    if (found !== null) {
      this.#held = this.#held.slice(found[0].length)
      this.#phase = 'arguments'
      this.#nesting = new Nesting()
      calls.push({ call: this.#calls++, name: found[1]!, arguments: '' })
      return ''
    }
    if (this.#calls > 0 || this.#openings.some((opening) => opening.startsWith(this.#held))) return ''
    // an answer by a response format, say, that has the trigger in one of its strings
    this.#phase = 'text'
    const text = this.#held.slice(0, this.#syntax.trigger.length)
    this.#held = this.#held.slice(text.length)
    return text
  }

  #readArguments(): readonly ToolCallPiece[] {
    const length = this.#nesting.lengthOf(this.#held)
    const piece = this.#held.slice(0, length)
    this.#held = this.#held.slice(length)
    if (this.#nesting.closed) this.#phase = 'opening'
    return piece === '' ? [] : [{ call: this.#calls - 1, arguments: piece }]
  }
}

/** One piece for each call. */
function joined(pieces: readonly ToolCallPiece[]): readonly ToolCallPiece[] {
  const found = new Map<number, ToolCallPiece>()
  for (const piece of pieces) {
    const before = found.get(piece.call)
    const more = before === undefined ? piece : { ...before, arguments: before.arguments + piece.arguments }
    found.set(piece.call, more)
  }
  return [...found.values()]
}

/** Finds the end of a JSON object that comes in pieces. */
class Nesting {
  #depth = 0
  #inString = false
  #escaped = false
  closed = false

  /** How much of the text is still the object's. */
  lengthOf(text: string): number {
    for (let i = 0; i < text.length; i++) {
      this.#take(text[i]!)
      if (this.closed) return i + 1
    }
    return text.length
  }

  #take(character: string): void {
    if (this.#escaped) this.#escaped = false
    else if (this.#inString && character === '\\') this.#escaped = true
    else if (character === '"') this.#inString = !this.#inString
    else if (!this.#inString && character === '{') this.#depth++
    else if (!this.#inString && character === '}') this.closed = --this.#depth === 0
  }
}

/** How many characters at the end of the text begin the word. */
function overlap(text: string, word: string): number {
  for (let length = Math.min(text.length, word.length - 1); length > 0; length--)
    if (word.startsWith(text.slice(-length))) return length
  return 0
}

const literally = (text: string): string => text.replaceAll(/[[\]{}()*+?.\\^$|]/g, '\\$&')
