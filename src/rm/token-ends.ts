const space = 0x20

/**
 * Where each token of a text ends in its UTF-8 bytes. Special tokens that the tokenizer put around the text, and a space
 * that it put before it, take none of them.
 * @returns undefined where the tokens do not spell the text
 */
export function tokenEnds(
  text: string,
  ids: readonly number[],
  bytesOf: (id: number) => Uint8Array,
  specialIds: ReadonlySet<number>,
): number[] | undefined {
  const bytes = new TextEncoder().encode(text)
  const ends: number[] = []
  let at = 0
  for (const id of ids) {
    const token = bytesOf(id)
    if (spells(bytes, at, token)) at += token.length
    else if (at === 0 && token[0] === space && spells(bytes, at, token.subarray(1))) at += token.length - 1
    else if (!specialIds.has(id)) return undefined
    ends.push(at)
  }
  return at === bytes.length ? ends : undefined
}

const spells = (bytes: Uint8Array, at: number, token: Uint8Array): boolean =>
  at + token.length <= bytes.length && token.every((byte, i) => bytes[at + i] === byte)

/** The token that holds the last byte of a text's beginning. */
export function tokenAtEnd(ends: readonly number[], beginning: string): number {
  const length = new TextEncoder().encode(beginning).length
  return ends.findIndex((end) => end >= length)
}
