import type { EngineToken, StreamPiece } from './token-engine.ts'

/**
 * An engine's continuation of one answer that is read in pieces and may stay open between them: an answer that is judged on its way goes
 * on in the same call, without its prompt being read again, and the engine draws ahead meanwhile. What was drawn ahead of an answer that
 * is given up is lost; of one that goes on it is what would have been drawn later.
 */
export class OpenStream {
  readonly #pieces: AsyncGenerator<StreamPiece>
  readonly #stop: AbortController
  readonly #gone: AbortSignal
  readonly #close = () => this.#stop.abort(this.#gone.reason)
  #waiting: EngineToken[] = []
  #end: StreamPiece['finish']
  /** Whether the engine sent any token. */
  brought = false
  /** Whether it failed between the last piece that was read and a later segment, which can do without it. */
  brokeUnread = false
  /** Nothing was read since it was left open. */
  #unread = false
  /** Whether it said everything, or why it ends. */
  ended = false

  /** @param gone when the answer is given up */
  constructor(open: (signal: AbortSignal) => AsyncGenerator<StreamPiece>, gone: AbortSignal) {
    this.#stop = new AbortController()
    this.#gone = gone
    gone.addEventListener('abort', this.#close, { once: true })
    this.#pieces = open(this.#stop.signal)
  }

  /** What the engine said about its last token, once all before it were taken. */
  get finish(): StreamPiece['finish'] {
    return this.#waiting.length === 0 ? this.#end : undefined
  }

  /** Whether there is nothing more to take. */
  get exhausted(): boolean {
    return this.ended && this.#waiting.length === 0
  }

  /**
   * The next tokens, `most` at most; none where the engine only said why it ends; undefined when it said everything.
   * @throws UpstreamError; the signal's reason when aborted, and then the call is over
   */
  async take(most: number, signal: AbortSignal): Promise<readonly EngineToken[] | undefined> {
    // one that came between two pieces tells no listener any more
    signal.throwIfAborted()
    const abort = () => this.#stop.abort(signal.reason)
    signal.addEventListener('abort', abort)
    try {
      if (this.#waiting.length === 0 && !(await this.#read())) return undefined
      return this.#waiting.splice(0, most)
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #read(): Promise<boolean> {
    const { done, value } = await this.#next()
    this.ended ||= done === true || value.finish !== undefined
    if (done === true) return false
    this.#waiting = [...value.tokens]
    this.#end ??= value.finish
    this.brought ||= value.tokens.length > 0
    return true
  }

  async #next(): Promise<IteratorResult<StreamPiece>> {
    try {
      return await this.#pieces.next()
    } catch (error) {
      this.brokeUnread = this.#unread
      throw error
    } finally {
      this.#unread = false
    }
  }

  /** What the engine says from now on is read later. */
  keep(): void {
    this.#unread = true
  }

  /** Reads what the engine has to say behind its last token, so that the connection can be used again. */
  async readToEnd(signal: AbortSignal): Promise<void> {
    while ((await this.take(Number.POSITIVE_INFINITY, signal)) !== undefined);
    this.#gone.removeEventListener('abort', this.#close)
  }

  /** Ends the call where it is. */
  async leave(): Promise<void> {
    this.#gone.removeEventListener('abort', this.#close)
    this.#waiting = []
    await this.#pieces.return(undefined)
  }
}
