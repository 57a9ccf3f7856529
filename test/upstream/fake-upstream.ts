import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** A request as the upstream got it. */
export interface Received {
  readonly method: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** Resolves when its connection or its response is over. */
  readonly closed: Promise<void>
}

export type Answer = (request: Received, response: ServerResponse) => void | Promise<void>

export interface FakeUpstream {
  readonly url: string
  readonly port: number
  readonly received: Received[]
  /** Responses that are neither finished nor closed. */
  readonly open: number
  answer: Answer
  close(): Promise<void>
}

/** An engine that answers as it is told; on a given port where one is to come up later. */
export async function fakeUpstream(answer: Answer = sayOk, port = 0): Promise<FakeUpstream> {
  const received: Received[] = []
  let open = 0
  const server = createServer(async (incoming, response) => {
    open += 1
    const closed = once(response, 'close').then(() => {
      open -= 1
    })
    const body = await buffer(incoming)
    const { method = '', url = '', rawHeaders, headers } = incoming
    const request = { method, url, rawHeaders, headers, body, closed }
    if (url === '/health') return void response.end()
    received.push(request)
    await fake.answer(request, response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address() as AddressInfo
  const fake: FakeUpstream = {
    url: `http://127.0.0.1:${address.port}`,
    port: address.port,
    received,
    get open() {
      return open
    },
    answer,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
  return fake
}

/** A port where nobody listens. */
export async function deadPort(): Promise<number> {
  const upstream = await fakeUpstream()
  await upstream.close()
  return upstream.port
}

export const sayOk: Answer = (_request, response) => sayJson(200, { ok: true })(_request, response)

export function sayJson(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}

export const eventStreamHead = { 'content-type': 'text/event-stream; charset=utf-8' } as const

/** Opens an event stream, writes the pieces, then closes the connection without an end. */
export function cutStream(...pieces: readonly string[]): Answer {
  return async (_request, response) => {
    response.writeHead(200, eventStreamHead)
    for (const piece of pieces) await new Promise((resolve) => response.write(piece, resolve))
    // What was written must have arrived before the connection goes.
    setTimeout(() => response.destroy(), 20)
  }
}

/** Announces a longer body than it sends. */
export const cutBody: Answer = async (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
  await new Promise((resolve) => response.write('{"id":', resolve))
  setTimeout(() => response.destroy(), 20)
}

/** Takes the request and closes the connection without a word. */
export const hangUp: Answer = (_request, response) => void response.destroy()

/** Takes the request and never answers. */
export const saySilence: Answer = () => {}
