import type { EventSourceMessage } from 'eventsource-parser'
import { CallCounters } from '../../src/decoding/upstream/http/call-counters.ts'
import type { CallOptions, UpstreamClient, UpstreamReply } from '../../src/decoding/upstream/http/upstream-client.ts'
import { UpstreamError } from '../../src/decoding/upstream/http/upstream-error.ts'
import type { EngineDouble } from './engine-double.ts'

/**
 * A client that hands calls to a double in the same process, through JSON but not through sockets: for enumerations, which
 * make very many of them.
 */
export class DoubleClient implements UpstreamClient {
  readonly name = 'double'
  readonly replicas = []
  readonly inFlight = 0
  readonly counts = new CallCounters().read()
  readonly #double: EngineDouble

  constructor(double: EngineDouble) {
    this.#double = double
  }

  async json(path: string, body: unknown, { signal }: CallOptions): Promise<unknown> {
    signal.throwIfAborted()
    const { status = 200, json } = this.#reply(path, body)
    if (status >= 300)
      throw new UpstreamError('status', this.name, `answered ${status}`, { status, body: JSON.stringify(json) })
    return JSON.parse(JSON.stringify(json))
  }

  async *events(path: string, body: unknown, { signal }: CallOptions): AsyncGenerator<EventSourceMessage> {
    for (const data of this.#reply(path, body).events ?? []) {
      signal.throwIfAborted()
      yield { data, event: undefined, id: undefined }
    }
  }

  request(): Promise<UpstreamReply> {
    throw new Error('not part of an enumeration')
  }

  async probe() {
    return []
  }

  async close(): Promise<void> {}

  #reply(path: string, body: unknown) {
    const call = { path, body: body === undefined ? undefined : JSON.parse(JSON.stringify(body)) }
    this.#double.calls.push(call)
    return this.#double.reply(call)
  }
}
