export interface ByteRange {
  readonly low: number
  readonly high: number
}

const lastOfLength = [0x7f, 0x7ff, 0xffff]

/** The well-formed UTF-8 texts of the code points from `low` to `high`, as sequences of byte ranges; no surrogates. */
export function utf8Sequences(low: number, high: number): readonly (readonly ByteRange[])[] {
  const found: ByteRange[][] = []
  if (low < 0xd800) split(low, Math.min(high, 0xd7ff), found)
  if (high > 0xdfff) split(Math.max(low, 0xe000), high, found)
  return found
}

/** Cuts the range until each byte of its texts runs through a range of its own, whatever the others are. */
function split(low: number, high: number, found: ByteRange[][]): void {
  if (low > high) return
  const border = cutAt(low, high)
  if (border === undefined) {
    const [first, last] = [encode(low), encode(high)]
    found.push(first.map((byte, i) => ({ low: byte, high: last[i]! })))
    return
  }
  split(low, border, found)
  split(border + 1, high, found)
}

function cutAt(low: number, high: number): number | undefined {
  const length = lastOfLength.find((last) => low <= last && high > last)
  if (length !== undefined) return length
  for (let bits = 6; bits < 6 * encode(low).length; bits += 6) {
    const tail = 2 ** bits - 1
    if (Math.floor(low / 2 ** bits) === Math.floor(high / 2 ** bits)) return undefined
    if ((low & tail) !== 0) return low | tail
    if ((high & tail) !== tail) return (high & ~tail) - 1
  }
  return undefined
}

const encode = (point: number): number[] => [...Buffer.from(String.fromCodePoint(point), 'utf8')]
