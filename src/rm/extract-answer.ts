import { InvalidRequestError } from '../decoding/errors.ts'
import { boundedMatches, SearchLimitError } from './bounded-search.ts'

const boxed = /\\(?:boxed|fbox)\s*\{/g
const stating = /\bthe (?:final )?answer is:?[ \t]*/gi
const number = /[-+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:\s?\/\s?\d+)?/g

/**
 * The final answer of a solution, in a form in which equal answers are equal strings, for (weighted) majority votes. The first
 * of these that is there: the last `\boxed{}`, the last "The answer is X", the last number.
 * @param pattern what to look for instead, with ^ and $ at lines; its first group (or whole match) is the answer, and the last
 * match counts
 * @returns undefined when nothing is there: such an answer has no vote
 * @throws InvalidRequestError for a pattern that is none, or takes too long
 */
export function extractAnswer(text: string, pattern?: string): string | undefined {
  const found = pattern === undefined ? written(text) : configured(text, pattern)
  if (found === undefined) return undefined
  const answer = normaliseAnswer(found)
  return answer === '' ? undefined : answer
}

function written(text: string): string | undefined {
  return lastBoxed(text) ?? lastStated(text) ?? text.match(number)?.at(-1)
}

function lastStated(text: string): string | undefined {
  const last = [...text.matchAll(stating)].at(-1)
  // to the end of the sentence or line: the point in 3.5 is neither
  return last && text.slice(last.index + last[0].length).split(/[.!](?:\s|$)|\n/, 1)[0]
}

function configured(text: string, pattern: string): string | undefined {
  try {
    const match = boundedMatches(new RegExp(pattern, 'm'), text).at(-1)
    return match && (match[1] ?? match[0])
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof SearchLimitError)) throw error
    throw new InvalidRequestError(error.message, 'alignment.best_of.answer')
  }
}

/** What stands between the braces of the last box, which may hold braces itself; undefined while that box is still open. */
function lastBoxed(text: string): string | undefined {
  const start = [...text.matchAll(boxed)].at(-1)
  if (start === undefined) return undefined
  const from = start.index + start[0].length
  let depth = 1
  for (let i = from; i < text.length; i++) {
    if (text[i] === '{') depth++
    if (text[i] === '}') depth--
    if (depth === 0) return text.slice(from, i)
  }
  return undefined
}

/** Equal numbers become equal strings ("1,000", "$1000.0" and "1000" all "1000"); other text loses wrappers, spaces and case. */
export function normaliseAnswer(answer: string): string {
  const bare = withoutUnits(withoutLatex(answer.normalize('NFKC').replaceAll('−', '-')))
  const [, amount] = /^([-+]?[\d.,]+)(?: [a-z]{2,})+$/i.exec(bare) ?? []
  return plainNumber(amount ?? bare) ?? plainFraction(bare) ?? bare.replace(/\s+/g, ' ').toLowerCase()
}

function withoutLatex(answer: string): string {
  let bare = answer.replace(/\\left|\\right|\\[,;:! ()[\]]|~|\*\*|`/g, '').replaceAll('{,}', ',')
  bare = bare.replace(/\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}/g, '$1/$2')
  let before: string
  do {
    before = bare
    bare = bare.replace(/\\(?:text|textbf|mathrm|mathbf|mbox|boxed|fbox)\s*\{([^{}]*)\}/g, '$1')
  } while (bare !== before)
  return bare
}

const withoutUnits = (answer: string): string =>
  answer.replace(/\\?[$%]|[€£¥°]|\^\{?\\circ\}?|\\degree/g, '').replace(/^["'\s]+|["'\s.,;:!]+$/g, '')

/** As a string of digits without leading or trailing zeros, so that no precision is lost. */
function plainNumber(text: string): string | undefined {
  const match = /^([-+]?)(\d{1,3}(?:,\d{3})+|\d*)(?:\.(\d*))?$/.exec(text)
  if (match === null || !/\d/.test(text)) return undefined
  const whole = match[2]!.replaceAll(',', '').replace(/^0+/, '') || '0'
  const decimals = (match[3] ?? '').replace(/0+$/, '')
  const size = decimals === '' ? whole : `${whole}.${decimals}`
  return match[1] === '-' && size !== '0' ? `-${size}` : size
}

/** Numerator and denominator as written: 1/2 and 2/4 are different answers, for nobody asked to reduce them. */
function plainFraction(text: string): string | undefined {
  const match = /^([-+]?\d+)\s?\/\s?(\d+)$/.exec(text)
  return match === null ? undefined : `${plainNumber(match[1]!)}/${plainNumber(match[2]!)}`
}
