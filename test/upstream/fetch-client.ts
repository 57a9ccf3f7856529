import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { CallOptions, UpstreamClient, UpstreamReply } from '../../src/decoding/upstream/http/upstream-client.ts'
import { UpstreamError } from '../../src/decoding/upstream/http/upstream-error.ts'

/** The smallest client over real sockets: one replica, no retries, no deadlines. */
export class FetchClient implements UpstreamClient {
  readonly name = 'double'
  readonly replicas = []
  inFlight = 0
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  async json(path: string, body: unknown, options: CallOptions): Promise<unknown> {
    const text = await this.#held(options, async () => await (await this.#fetch(path, body, options)).text())
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw new UpstreamError('protocol', this.name, 'sent no JSON', { cause })
    }
  }

  async *events(path: string, body: unknown, options: CallOptions): AsyncGenerator<EventSourceMessage> {
    const leave = new AbortController()
    const signal = AbortSignal.any([options.signal, leave.signal])
    const arrived: EventSourceMessage[] = []
    const parser = createParser({ onEvent: (event) => arrived.push(event) })
    const decoder = new TextDecoder()
    this.inFlight++
    try {
      const response = await this.#held(options, () => this.#fetch(path, body, { ...options, signal }))
      const reader = response.body!.getReader()
      for (;;) {
        const { value, done } = await this.#held(options, () => reader.read())
        if (done) return
        parser.feed(decoder.decode(value, { stream: true }))
        yield* arrived.splice(0)
      }
    } finally {
      this.inFlight--
      leave.abort()
    }
  }

  request(): Promise<UpstreamReply> {
    throw new Error('adapters do not call it')
  }

  async probe() {
    return []
  }

  async close(): Promise<void> {}

  async #fetch(path: string, body: unknown, { signal }: CallOptions): Promise<Response> {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const response = await fetch(this.#root + path, { ...init, signal })
    if (response.ok) return response
    const { status } = response
    throw new UpstreamError('status', this.name, `answered ${status}`, { status, body: await response.text() })
  }

  async #held<T>({ signal }: CallOptions, run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof UpstreamError) throw cause
      throw new UpstreamError('unreachable', this.name, 'did not answer', { cause })
    }
  }
}
