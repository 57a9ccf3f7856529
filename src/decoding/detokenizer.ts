const nothing = new Uint8Array(0)

/** Turns the bytes of successive tokens into text, never emitting half a character. */
export class Detokenizer {
  // A byte-order mark is text like any other here, as it is when a whole answer is decoded.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  #pending = nothing

  /** Bytes of a character that is still incomplete (at most 3). */
  get pendingBytes(): number {
    return this.#pending.length
  }

  /** The text that these bytes complete; what they merely begin is held back. */
  push(bytes: Uint8Array): string {
    if (bytes.length === 0) return ''
    const all = this.#pending.length === 0 ? bytes : concatenate(this.#pending, bytes)
    const complete = all.length - incompleteTail(all)
    this.#pending = all.slice(complete)
    return this.#decoder.decode(all.subarray(0, complete))
  }

  /** What is held back at the end of the answer: U+FFFD if a character was begun, as when the whole is decoded at once. */
  flush(): string {
    const text = this.#decoder.decode(this.#pending)
    this.#pending = nothing
    return text
  }

  clone(): Detokenizer {
    const copy = new Detokenizer()
    copy.#pending = this.#pending
    return copy
  }
}

/** Length of the longest end of `bytes` that a further byte could still turn into a character. */
function incompleteTail(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const start = bytes.length - length
    const lead = bytes[start]!
    if ((lead & 0xc0) === 0x80) continue
    const whole = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2
    const possible = lead >= 0xc2 && lead <= 0xf4 && length < whole
    return possible && (length === 1 || canFollow(lead, bytes[start + 1]!)) ? length : 0
  }
  return 0
}

/** The second bytes that Unicode's table 3-7 allows: no overlong forms, no surrogates, nothing above U+10FFFF. */
function canFollow(lead: number, second: number): boolean {
  if (lead === 0xe0) return second >= 0xa0
  if (lead === 0xed) return second <= 0x9f
  if (lead === 0xf0) return second >= 0x90
  if (lead === 0xf4) return second <= 0x8f
  return true
}

function concatenate(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
