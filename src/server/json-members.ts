/** Told of each member at the top level: its key and where its value's bytes are. Answers true when it has seen enough. */
export type MemberVisitor = (key: string, start: number, end: number) => boolean

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const backslash = 0x5c
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/**
 * Walks the top level of a JSON object without parsing what lies below; texts are skipped by the runtime's own byte search.
 * @returns false where the bytes do not have the shape of an object (deeper faults go unnoticed)
 */
export function visitMembers(bytes: Buffer, visit: MemberVisitor): boolean {
  let at = skipSpace(bytes, 0)
  if (bytes[at] !== openBrace) return false
  at = skipSpace(bytes, at + 1)
  if (bytes[at] === closeBrace) return true
  while (bytes[at] === quote) {
    const keyEnd = endOfText(bytes, at)
    const key = keyEnd < 0 ? undefined : textAt(bytes, at, keyEnd)
    const colonAt = skipSpace(bytes, keyEnd)
    if (key === undefined || bytes[colonAt] !== colon) return false
    const start = skipSpace(bytes, colonAt + 1)
    const end = endOfValue(bytes, start)
    if (end < 0) return false
    if (visit(key, start, end)) return true
    at = skipSpace(bytes, end)
    if (bytes[at] === closeBrace) return true
    if (bytes[at] !== comma) return false
    at = skipSpace(bytes, at + 1)
  }
  return false
}

/** The JSON string between two offsets; undefined where it is not one. */
export function textAt(bytes: Buffer, start: number, end: number): string | undefined {
  if (bytes[start] !== quote) return undefined
  try {
    return JSON.parse(bytes.toString('utf8', start, end)) as string
  } catch {
    // a broken escape or a raw line end: for whoever parses in earnest to complain of
    return undefined
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at += 1
  return at
}

/**
 * Texts are looked through byte by byte for so long; beyond that the runtime's own search is faster, unless it stops at one escaped quote
 * after another.
 */
const [shortText, longText] = [64, 4096]

/** Behind the closing quote of the text that opens at `start`; -1 without one. */
function endOfText(bytes: Buffer, start: number): number {
  let at = start + 1
  for (let patience = shortText; ; patience = longText) {
    const stop = Math.min(at + patience, bytes.length)
    for (; at < stop; at++) {
      const byte = bytes[at]
      if (byte === quote) return at + 1
      if (byte === backslash) at += 1
    }
    const found = bytes.indexOf(quote, at)
    if (found < 0) return -1
    let escapes = 0
    while (found - 1 - escapes >= at && bytes[found - 1 - escapes] === backslash) escapes += 1
    if (escapes % 2 === 0) return found + 1
    at = found + 1
  }
}

const [boring, opening, closing, textual, separating] = [0, 1, 2, 3, 4]

/** What a byte outside of texts is to the search for the end of a value. */
const kindOf = new Uint8Array(256)
for (const byte of [openBrace, openBracket]) kindOf[byte] = opening
for (const byte of [closeBrace, closeBracket]) kindOf[byte] = closing
kindOf[quote] = textual
kindOf[comma] = separating

function endOfValue(bytes: Buffer, start: number): number {
  let depth = 0
  for (let at = start; at < bytes.length; at++) {
    const kind = kindOf[bytes[at]!]
    if (kind === boring || (kind === separating && depth > 0)) continue
    if (kind === textual) {
      const end = endOfText(bytes, at)
      if (end < 0 || depth === 0) return end
      at = end - 1
    } else if (kind === opening) {
      depth += 1
    } else {
      if (depth === 0) return at
      depth -= 1
      if (depth === 0) return at + 1
    }
  }
  return -1
}
