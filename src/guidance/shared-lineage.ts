import type { TokenDraw } from '../decoding/decoder.ts'
import type { PartialAnswer } from './partial-answer.ts'

/**
 * What all of several answers begin with, handed out piece by piece: it can no longer change, whichever is chosen. Only what they
 * say counts, not whether they share a past: the same tokens have the same probabilities in every answer.
 */
export class SharedLineage {
  #text = 0
  #draws = 0

  /**
   * What has become common since the last call; undefined if nothing has.
   * @param answers all that may still be chosen: answers of the last call, gone on, or copies of such
   */
  next(answers: readonly PartialAnswer[]): { readonly text: string; readonly draws: readonly TokenDraw[] } | undefined {
    const [first, ...others] = answers
    if (first === undefined) return undefined
    const text = wholeCharacters(first.text, commonLength(first.text, others, this.#text))
    const draws = commonDraws(first.draws, others, this.#draws)
    const delta = { text: first.text.slice(this.#text, text), draws: first.draws.slice(this.#draws, draws) }
    this.#text = Math.max(this.#text, text)
    this.#draws = Math.max(this.#draws, draws)
    return delta.text === '' && delta.draws.length === 0 ? undefined : delta
  }

  /** Draws handed out. */
  get returnedTokens(): number {
    return this.#draws
  }
}

/** @param from up to where they are known to agree */
function commonLength(text: string, others: readonly PartialAnswer[], from: number): number {
  let length = text.length
  for (const other of others) {
    length = Math.min(length, other.text.length)
    for (let i = from; i < length; i++) if (other.text.charCodeAt(i) !== text.charCodeAt(i)) length = i
  }
  return length
}

/** Not between the two halves of a character outside the basic plane. */
function wholeCharacters(text: string, length: number): number {
  const last = text.charCodeAt(length - 1)
  return length < text.length && last >= 0xd800 && last < 0xdc00 ? length - 1 : length
}

function commonDraws(draws: readonly TokenDraw[], others: readonly PartialAnswer[], from: number): number {
  let count = draws.length
  for (const other of others) {
    count = Math.min(count, other.draws.length)
    for (let i = from; i < count; i++) if (other.draws[i]!.id !== draws[i]!.id) count = i
  }
  return count
}
