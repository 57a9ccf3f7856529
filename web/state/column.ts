import { signal } from '@preact/signals'
import { chatStream } from '../api/chat-stream.ts'
import { type Answer, advanced, emptyAnswer } from './answer.ts'
import { type ChatBody, observed } from './to-request.ts'

/** One answer on the page: at most one request runs for it, and a new one cancels the one before. */
export class Column {
  readonly answer = signal<Answer>(emptyAnswer)
  #running: AbortController | undefined
  /** What was asked last. */
  asked: string | undefined

  /** Resolves when the answer is complete, failed, or was cancelled. */
  async ask(body: ChatBody): Promise<void> {
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    this.asked = JSON.stringify(body)
    const start = performance.now()
    // The words of before stay, pale, until the first new one: a slider's drag must not flicker.
    const { text, tokens } = this.answer.value
    this.answer.value = { ...emptyAnswer, status: 'waiting', text, tokens }
    try {
      for await (const event of chatStream(observed(body), running.signal)) {
        if (running.signal.aborted) return
        this.answer.value = advanced(this.answer.value, event, performance.now() - start)
      }
    } catch (error) {
      if (running.signal.aborted) return
      this.answer.value = { ...this.answer.value, status: 'failed', error }
      this.asked = undefined
    }
  }

  /** Ends what runs; the words that came so far stay. */
  stop(): void {
    if (this.#running === undefined || this.#running.signal.aborted) return
    this.#running.abort()
    const { status } = this.answer.value
    if (status === 'waiting' || status === 'streaming') this.answer.value = { ...this.answer.value, status: 'stopped' }
    this.asked = undefined
  }
}
