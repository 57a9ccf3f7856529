/** A queue with one reader that takes everything waiting at once, so that a slow reader catches up in one turn. */
export class EventQueue<T> implements AsyncIterable<readonly T[]> {
  #waiting: T[] = []
  #wake: (() => void) | undefined
  #ended = false
  #failure: unknown

  push(item: T): void {
    if (this.#ended) return
    this.#waiting.push(item)
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

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly T[]> {
    for (;;) {
      if (this.#waiting.length > 0) {
        const batch = this.#waiting
        this.#waiting = []
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
