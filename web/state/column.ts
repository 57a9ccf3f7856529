import { computed, signal } from '@preact/signals'
import { chatStream } from '../api/chat-stream.ts'
import { type Answer, advanced, emptyAnswer } from './answer.ts'
import { type ChatBody, observed } from './to-request.ts'
import { tokenViews } from './token-view.ts'

/** One answer on the page: at most one request runs for it, and a new one cancels the one before. */
export class Column {
  readonly answer = signal<Answer>(emptyAnswer)
  readonly tokens = computed(() => tokenViews(this.answer.value.tokens, this.answer.value.alignment))
  readonly busy = computed(() => ['waiting', 'streaming'].includes(this.answer.value.status))
  #running = new AbortController()
  /** The request that runs or was answered. */
  #asked: string | undefined

  /** Resolves when the answer is complete, has failed, or was cancelled. */
  async ask(body: ChatBody): Promise<void> {
    this.#running.abort()
    const running = new AbortController()
    this.#running = running
    this.#asked = JSON.stringify(body)
    const start = performance.now()
    // The words of before stay, pale, until the first new one: a slider's drag must not flicker.
    this.answer.value = { ...this.answer.value, status: 'waiting', progress: '', error: undefined }
    try {
      for await (const event of chatStream(observed(body), running.signal)) {
        if (running.signal.aborted) return
        this.answer.value = advanced(this.answer.value, event, performance.now() - start)
      }
    } catch (error) {
      if (running.signal.aborted) return
      this.answer.value = { ...this.answer.value, status: 'failed', error }
      this.#asked = undefined
    }
  }

  askUnlessAnswered(body: ChatBody): void {
    if (this.#asked !== JSON.stringify(body)) void this.ask(body)
  }

  /** Ends what runs; the words that came so far stay. */
  stop(): void {
    if (!this.busy.value) return
    this.#running.abort()
    this.#asked = undefined
    this.answer.value = { ...this.answer.value, status: 'stopped', progress: '' }
  }
}
