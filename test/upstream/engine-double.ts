import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

export interface DoubleReply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Data of server-sent events. */
  readonly events?: Iterable<string>
}

export type DoubleRoutes = Readonly<Record<string, (body: unknown) => DoubleReply>>

/** What goes wrong with a call, in place of or on top of its reply. */
export type DoubleFault =
  | { readonly kind: 'reply'; readonly reply: DoubleReply }
  /** The connection is closed before a head, or after this many bytes of the body. */
  | { readonly kind: 'cut'; readonly after: number }
  | { readonly kind: 'change'; readonly change: (json: unknown) => unknown }
  | { readonly kind: 'garbage' }
  /** Nothing comes. */
  | { readonly kind: 'silence' }

export interface DoubleCall {
  readonly path: string
  readonly body: unknown
}

/** An engine's HTTP side: real sockets on loopback, settable routes and faults. */
export class EngineDouble {
  routes: DoubleRoutes
  fault: ((call: DoubleCall, index: number) => DoubleFault | undefined) | undefined
  readonly calls: DoubleCall[] = []
  /** Calls whose reply is not out yet. */
  running = 0
  /** Time between the events of a stream. */
  eventMs = 0
  readonly #server: Server

  constructor(routes: DoubleRoutes) {
    this.routes = routes
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  /** What a call is answered with, before any fault. */
  reply({ path, body }: DoubleCall): DoubleReply {
    const route = this.routes[path]
    return route === undefined ? { status: 404, json: { detail: 'Not Found' } } : route(body)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.running++
    response.on('close', () => {
      this.running--
    })
    const sent = await text(request)
    const call = { path: request.url!, body: sent === '' ? undefined : JSON.parse(sent) }
    const index = this.calls.push(call) - 1
    await this.#answer(call, this.fault?.(call, index), response)
  }

  async #answer(call: DoubleCall, fault: DoubleFault | undefined, response: ServerResponse): Promise<void> {
    if (fault?.kind === 'silence') return
    const { status = 200, headers = {}, json, events } = fault?.kind === 'reply' ? fault.reply : this.reply(call)
    const limit = fault?.kind === 'cut' ? fault.after : Number.POSITIVE_INFINITY
    if (limit === 0) {
      response.destroy()
      return
    }
    const type = events === undefined ? 'application/json' : 'text/event-stream'
    response.writeHead(status, { 'content-type': type, ...headers })
    if (events !== undefined) return await this.#stream(events, limit, response)
    const body =
      fault?.kind === 'garbage' ? '{"choices": [' : JSON.stringify(fault?.kind === 'change' ? fault.change(json) : json)
    if (limit === Number.POSITIVE_INFINITY) response.end(body)
    else response.write(body.slice(0, limit), () => response.destroy())
  }

  async #stream(events: Iterable<string>, limit: number, response: ServerResponse): Promise<void> {
    let sent = 0
    for (const data of events) {
      if (response.destroyed) return
      const frame = `data: ${data}\n\n`
      if (sent + frame.length > limit) {
        response.write(frame.slice(0, limit - sent), () => response.destroy())
        return
      }
      sent += frame.length
      response.write(frame)
      if (this.eventMs > 0) await sleep(this.eventMs)
    }
    response.end()
  }
}
