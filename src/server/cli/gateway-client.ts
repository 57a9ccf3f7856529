import { EventSourceParserStream } from 'eventsource-parser/stream'
import { z } from 'zod'
import { ClientError } from './client-error.ts'

const failedReply = z.object({ error: z.object({ message: z.string() }) })

/** Talks to a server as any client does; what it refuses is a ClientError with the server's own words. */
export class GatewayClient {
  readonly #url: string
  readonly #headers: Readonly<Record<string, string>>

  /** @param url with or without /v1 at its end */
  constructor(url: string, key: string | undefined) {
    this.#url = url.replace(/\/+$/, '').replace(/\/v1$/, '')
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` }
    this.#headers = { 'content-type': 'application/json', ...authorization }
  }

  async get(path: string): Promise<unknown> {
    return await (await this.#ask(path, {})).json()
  }

  async post(path: string, body: object): Promise<unknown> {
    return await (await this.#ask(path, { method: 'POST', body: JSON.stringify(body) })).json()
  }

  /** The JSON of each event until `[DONE]`; an error frame is thrown. */
  async *stream(path: string, body: object, signal: AbortSignal): AsyncGenerator<unknown> {
    const reply = await this.#ask(path, { method: 'POST', body: JSON.stringify(body), signal })
    if (reply.body === null) throw new ClientError(`${path} answered without a body.`)
    const events = reply.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
    for await (const { data } of events) {
      if (data === '[DONE]') return
      const chunk: unknown = JSON.parse(data)
      const failure = failedReply.safeParse(chunk)
      if (failure.success) throw new ClientError(failure.data.error.message)
      yield chunk
    }
    throw new ClientError('The answer broke off.')
  }

  async #ask(path: string, init: RequestInit): Promise<Response> {
    const reply = await fetch(`${this.#url}${path}`, { ...init, headers: this.#headers }).catch((error: Error) => {
      if (error.name === 'AbortError') throw error
      const cause = error.cause instanceof Error ? error.cause.message : error.message
      throw new ClientError(`No server answers at ${this.#url}: ${cause || error.message}`)
    })
    if (reply.ok) return reply
    const text = await reply.text()
    throw new ClientError(messageOf(text) ?? `${path} answered ${reply.status}: ${text.slice(0, 200)}`)
  }
}

function messageOf(text: string): string | undefined {
  try {
    return failedReply.safeParse(JSON.parse(text)).data?.error.message
  } catch {
    // no JSON, so not one of our servers: its own words are shown instead
    return undefined
  }
}
