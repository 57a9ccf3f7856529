/** A queue with one reader that takes everything waiting at once, so that a slow reader catches up in one turn. */
export class EventQueue<T> implements AsyncIterable<readonly T[]> {
  readonly #sizeOf: (item: T) => number
  #waiting: T[] = []
  #waitingSize = 0
  #wake: (() => void) | undefined
  #ended = false
  #failure: unknown

  /** @param sizeOf about how much memory an item takes while it waits */
  constructor(sizeOf: (item: T) => number = () => 0) {
    this.#sizeOf = sizeOf
  }

  /** What all that waits takes. */
  get size(): number {
    return this.#waitingSize
  }

  push(item: T): void {
    if (this.#ended) return
    this.#waiting.push(item)
    this.#waitingSize += this.#sizeOf(item)
    this.#wake?.()
  }

  /** What was pushed before is still delivered. */
  end(): void {
    this.#ended = true
    this.#wake?.()
  }

  /** What was pushed before is still delivered, then reading throws `reason`. */
  fail(reason: unknown): void {
    if (this.#ended) return
    this.#failure = reason
    this.end()
  }

  /** The same, but what waits is dropped: it is too much. */
  discard(reason: unknown): void {
    this.#waiting = []
    this.#waitingSize = 0
    this.fail(reason)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    for (;;) {
      if (this.#waiting.length > 0) {
        const batch = this.#waiting
        this.#waiting = []
        this.#waitingSize = 0
        yield batch
      } else if (this.#ended) {
        if (this.#failure !== undefined) throw this.#failure
        return
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        this.#wake = undefined
      }
    }
  }
}
