import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'
import type { Reward } from './reward.ts'
import { plainVerdict, ruleReward } from './reward-verdicts.ts'

export type LengthUnit = 'tokens' | 'words' | 'sentences' | 'characters'

/** The lengths that are wanted, in `unit`; a target is a band of one length. */
export interface LengthBand {
  readonly min: number
  /** Infinity where only a minimum is wanted. */
  readonly max: number
}

const segmenters = {
  words: new Intl.Segmenter('en', { granularity: 'word' }),
  sentences: new Intl.Segmenter('en', { granularity: 'sentence' }),
}

/**
 * Minus the distance of the answer's length to the band, in its unit: 0 inside, -3 for three words too many or too few. An
 * unfinished answer may still grow, so only what is too long counts against it.
 * @param tokenizer counts tokens, those of the text alone; needed for that unit only
 */
export function lengthReward(
  name: string,
  unit: LengthUnit,
  band: LengthBand,
  tokenizer: TokenizerAdapter | undefined,
): Reward {
  if (unit === 'tokens' && tokenizer === undefined)
    throw new TypeError(`The reward '${name}' counts tokens: name the model whose tokenizer counts.`)
  return ruleReward(name, { partial: true, range: [Number.NEGATIVE_INFINITY, 0] }, () => ({ text, finished }) => {
    const length = lengthOf(text, unit, tokenizer)
    const missing = finished ? Math.max(0, band.min - length) : 0
    return plainVerdict(0 - missing - Math.max(0, length - band.max))
  })
}

/** Characters are code points; words and sentences are Unicode's (UAX 29), so that languages without spaces have them too. */
export function lengthOf(text: string, unit: LengthUnit, tokenizer: TokenizerAdapter | undefined): number {
  if (unit === 'tokens') return tokenizer!.encode(text, false).length
  if (unit === 'characters') return characters(text)
  let count = 0
  for (const piece of pieces(text))
    for (const { segment, isWordLike } of segmenters[unit].segment(piece))
      if (unit === 'words' ? isWordLike : segment.trim() !== '') count++
  return count
}

function characters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

// The time of a segmenter grows with the square of the text.
const pieceLength = 2000

/** The text in short pieces, cut behind sentences where there are any, else behind spaces. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length; ) {
    const piece = text.slice(start, start + pieceLength)
    const last = start + piece.length >= text.length
    const cut = last ? piece.length : cutBehind(piece, /[.!?。！？]\s/g) || cutBehind(piece, /\s/g) || piece.length
    yield piece.slice(0, cut)
    start += cut
  }
}

/** Behind the last match; 0 without any. */
function cutBehind(piece: string, pattern: RegExp): number {
  let cut = 0
  for (const match of piece.matchAll(pattern)) cut = match.index + match[0].length
  return cut
}
