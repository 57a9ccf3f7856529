import type { SequenceDelta, TokenDraw } from './decoder.ts'
import { Detokenizer } from './detokenizer.ts'
import { follow, type StopStrings } from './stop-strings.ts'

/** A draw waiting for its text to become final; `end` is where that text ends, unknown while its last character is incomplete. */
interface WaitingDraw {
  readonly draw: TokenDraw
  end: number | undefined
}

/**
 * The text of one answer under way. Text is released once no stop string can cut it any more, a draw once all of its text is.
 *
 * The answer is cut before the stop string that is complete first, and before the longest of those complete at the same
 * character; so the result does not depend on how the text is split into tokens. Draws that reach past the cut are dropped.
 * All positions count UTF-16 code units from the start of the answer.
 */
export class AnswerText {
  readonly #stops: StopStrings
  #detokenizer = new Detokenizer()
  #waiting: WaitingDraw[] = []
  #text = ''
  /** Decoded but not yet released. */
  #held = ''
  #state = 0
  #stopped = false

  constructor(stops: StopStrings) {
    this.#stops = stops
  }

  /** All text released so far. */
  get text(): string {
    return this.#text
  }

  /** Whether a stop string has ended the answer. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Takes in a drawn token and the bytes it adds to the text. After a stop string, nothing is taken in any more. */
  push(draw: TokenDraw, bytes: Uint8Array): SequenceDelta {
    if (this.#stopped) return { text: '', draws: [] }
    const begun = this.#detokenizer.pendingBytes > 0
    const start = this.#text.length + this.#held.length
    const piece = this.#detokenizer.push(bytes)
    if (begun && piece.length > 0) this.#settle(start + firstCharacter(piece))
    const open = this.#detokenizer.pendingBytes > 0
    this.#waiting.push({ draw, end: open ? undefined : start + piece.length })
    return this.#extend(piece)
  }

  /** The answer is over: releases what was held back. */
  finish(): SequenceDelta {
    if (this.#stopped) return { text: '', draws: [] }
    const piece = this.#detokenizer.flush()
    this.#settle(this.#text.length + this.#held.length + piece.length)
    const delta = this.#extend(piece)
    if (this.#stopped) return delta
    this.#state = 0
    const rest = this.#release(this.#text.length + this.#held.length)
    return { text: delta.text + rest.text, draws: [...delta.draws, ...rest.draws] }
  }

  clone(): AnswerText {
    const copy = new AnswerText(this.#stops)
    copy.#detokenizer = this.#detokenizer.clone()
    copy.#waiting = this.#waiting.map((waiting) => ({ ...waiting }))
    copy.#text = this.#text
    copy.#held = this.#held
    copy.#state = this.#state
    copy.#stopped = this.#stopped
    return copy
  }

  /** The character that waiting draws had begun now ends at `end`. */
  #settle(end: number): void {
    for (const waiting of this.#waiting) waiting.end ??= end
  }

  #extend(piece: string): SequenceDelta {
    const start = this.#text.length + this.#held.length
    this.#held += piece
    for (let i = 0; i < piece.length; i++) {
      this.#state = follow(this.#stops, this.#state, piece.charCodeAt(i))
      const matched = this.#stops.matched[this.#state]!
      if (matched > 0) return this.#cut(start + i + 1 - matched)
    }
    return this.#release(start + piece.length - this.#stops.depth[this.#state]!)
  }

  #cut(at: number): SequenceDelta {
    const delta = this.#release(at)
    this.#stopped = true
    this.#held = ''
    this.#waiting = []
    return delta
  }

  #release(upTo: number): SequenceDelta {
    const count = upTo - this.#text.length
    const text = this.#held.slice(0, count)
    this.#held = this.#held.slice(count)
    this.#text += text
    const open = this.#waiting.findIndex(({ end }) => end === undefined || end > upTo)
    const final = this.#waiting.splice(0, open === -1 ? this.#waiting.length : open)
    return { text, draws: final.map(({ draw }) => draw) }
  }
}

/** Code units of a text's first character. */
function firstCharacter(text: string): number {
  return text.codePointAt(0)! > 0xffff ? 2 : 1
}
