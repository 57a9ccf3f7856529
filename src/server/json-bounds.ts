import { ApiProblem } from './api-problem.ts'

/** The most messages there may be, with a text part each; a prompt of token ids is one list, however long. */
const mostContainers = 13_000
const mostFields = 32_000
const mostDepth = 64

const [quote, backslash, colon] = [0x22, 0x5c, 0x3a]
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]

/**
 * Refuses a JSON text by its brackets and colons, before a parser builds a million objects of two bytes each while nobody
 * else is served. Whether it is JSON at all is the parser's question.
 * @throws ApiProblem with the bound
 */
export function refuseMonstrousJson(bytes: Uint8Array): void {
  let [containers, fields, depth] = [0, 0, 0]
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (byte === quote) {
      i = endOfString(bytes, i)
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > mostDepth) throw tooMuch(`is nested deeper than ${mostDepth} levels`)
      if (++containers > mostContainers) throw tooMuch(`has more than ${mostContainers} objects and lists`)
    } else if (byte === closeBrace || byte === closeBracket) {
      depth -= 1
    } else if (byte === colon && ++fields > mostFields) {
      throw tooMuch(`has more than ${mostFields} fields`)
    }
  }
}

/** The index of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Uint8Array, start: number): number {
  let i = start + 1
  while (i < bytes.length && bytes[i] !== quote) i += bytes[i] === backslash ? 2 : 1
  return i
}

function tooMuch(fault: string): ApiProblem {
  return new ApiProblem('invalid-request', `The body ${fault}; send less in one request.`)
}
