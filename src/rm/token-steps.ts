import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'

/**
 * Sums of the tokens' values over each step of a text; they add up to the sum of all. A step ends behind its separator; pieces
 * of white space are no steps of their own. A token belongs to the step in which its first byte lies.
 * @param values aligned with `ids`, which spell `text`
 */
export function sumsBySteps(
  values: ArrayLike<number>,
  ids: readonly number[],
  text: string,
  separator: string,
  tokenizer: TokenizerAdapter,
): number[] {
  if (ids.length === 0) return []
  const starts = stepStarts(text, separator)
  const sums = starts.map(() => 0)
  let [offset, step] = [0, 0]
  for (const [i, id] of ids.entries()) {
    while (step + 1 < starts.length && offset >= starts[step + 1]!) step++
    sums[step]! += values[i]!
    offset += tokenizer.bytesOf(id).length
  }
  return sums
}

/** Offsets in bytes at which the steps of a text begin; the first is 0. */
function stepStarts(text: string, separator: string): number[] {
  const starts = [0]
  let [offset, begun] = [0, false]
  for (const piece of text.split(separator)) {
    const blank = piece.trim() === ''
    if (begun && !blank) starts.push(offset)
    begun ||= !blank
    offset += Buffer.byteLength(piece) + Buffer.byteLength(separator)
  }
  return starts
}
