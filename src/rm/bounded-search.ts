import { createContext, Script } from 'node:vm'

/** Longest text that is searched, in UTF-16 units. */
export const longestText = 200_000
/** What one search may take: a pattern that backtracks without end would stop the engine, which has one thread. */
const milliseconds = 250

/** A search that was given up; the message says why and what to change. */
export class SearchLimitError extends Error {
  override readonly name = 'SearchLimitError'
}

// one for all searches, because making one takes ten times as long as a search
const scope = createContext({ every: undefined, text: '' })
const search = new Script('[...text.matchAll(every)]')

/**
 * All matches of a pattern, without overlaps. Node has no expressions that never backtrack, but a vm script can be ended
 * midway: V8 looks for the end of its time while it searches.
 * @throws SearchLimitError
 */
export function boundedMatches(pattern: RegExp, text: string): RegExpMatchArray[] {
  if (text.length > longestText)
    throw new SearchLimitError(`An answer has ${text.length} characters; at most ${longestText} are searched.`)
  Object.assign(scope, { every: new RegExp(pattern, pattern.global ? pattern.flags : `${pattern.flags}g`), text })
  try {
    return Array.from(search.runInContext(scope, { timeout: milliseconds }))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new SearchLimitError(`Searching an answer took over ${milliseconds} ms; simplify the pattern ${pattern}.`)
  } finally {
    Object.assign(scope, { every: undefined, text: '' })
  }
}
