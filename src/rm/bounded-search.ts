import { limitMs, TimeLimitError, withinTimeLimit } from './time-limit.ts'

/** Longest text that is searched, in UTF-16 units. */
export const longestText = 200_000

/** A search that was given up; the message says why and what to change. */
export class SearchLimitError extends Error {
  override readonly name = 'SearchLimitError'
}

/**
 * All matches of a pattern, without overlaps. Node has no expressions that never backtrack, so a search has a time limit.
 * @throws SearchLimitError
 */
export function boundedMatches(pattern: RegExp, text: string): RegExpMatchArray[] {
  if (text.length > longestText)
    throw new SearchLimitError(`An answer has ${text.length} characters; at most ${longestText} are searched.`)
  const every = new RegExp(pattern, pattern.global ? pattern.flags : `${pattern.flags}g`)
  try {
    return withinTimeLimit(() => [...text.matchAll(every)])
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error
    throw new SearchLimitError(`Searching an answer took over ${limitMs} ms; simplify the pattern ${pattern}.`)
  }
}
