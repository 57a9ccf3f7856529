/** What of a tokenizer says how much text its tokens hold. */
interface Vocabulary {
  readonly size: number
  readonly specialIds: ReadonlySet<number>
  tokenOf(id: number): string | undefined
  /** Undefined where tokens are no bytes of the text. */
  readonly bytesOf: ((id: number) => Uint8Array) | undefined
}

const longestTokens = new WeakMap<Vocabulary, number>()

/**
 * The fewest tokens that a text can have, known without the tokenizer, which spends seconds on megabytes; 0 for a vocabulary whose
 * tokens are no bytes.
 */
export function fewestTokens(text: string, tokenizer: Vocabulary): number {
  // Normalisers may shorten a text (NFC: up to three times), never more than this.
  const bytesPerToken = 4 * longestToken(tokenizer)
  return Math.floor(Buffer.byteLength(text) / bytesPerToken)
}

function longestToken(tokenizer: Vocabulary): number {
  const { bytesOf } = tokenizer
  if (bytesOf === undefined) return Number.POSITIVE_INFINITY
  const known = longestTokens.get(tokenizer)
  if (known !== undefined) return known
  let longest = 1
  for (let id = 0; id < tokenizer.size; id++) {
    const name = tokenizer.specialIds.has(id) ? Buffer.byteLength(tokenizer.tokenOf(id) ?? '') : 0
    longest = Math.max(longest, bytesOf(id).length, name)
  }
  longestTokens.set(tokenizer, longest)
  return longest
}
