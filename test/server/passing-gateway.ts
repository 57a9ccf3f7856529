import { once } from 'node:events'
import { type IncomingMessage, type OutgoingHttpHeaders, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { absentEngine } from '../../src/server/absent-engine.ts'
import { parseConfig } from '../../src/server/config-file.ts'
import { servedNames } from '../../src/server/engine-setup.ts'
import { createHttpServer } from '../../src/server/http-server.ts'
import { openUpstreams } from '../../src/server/upstream-setup.ts'
import { toyGateway } from './toy-gateway.ts'

/** A configured upstream, quick to give up so that tests are quick. */
export function upstreamOf(url: string | readonly string[], change: object = {}): object {
  return {
    kind: 'vllm',
    urls: [url].flat(),
    api_key: 'upstream-secret',
    health: { every_seconds: 0 },
    retries: { back_off_seconds: 0.001 },
    ...change,
  }
}

/** A gateway of a configuration, served on a port, without an engine of its own. */
export async function passingGateway(config: object, change: Parameters<typeof toyGateway>[0] = {}) {
  const parsed = parseConfig(config, 'the test')
  const upstreams = openUpstreams(parsed)
  const limits = { bodyBytes: parsed.server.body_limit, maxChoices: 8, defaultMaxTokens: 64, keepAliveMs: 10_000 }
  const { app, faults } = toyGateway({
    engine: absentEngine,
    models: servedNames(parsed),
    upstreams,
    limits: {
      ...limits,
      heldLogprobs: 1000,
      inFlightCost: parsed.server.max_in_flight_cost ?? Number.POSITIVE_INFINITY,
    },
    ...change,
  })
  const server = createHttpServer(app.fetch)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const inFlight = () => [...upstreams.byName.values()].reduce((sum, { client }) => sum + client.inFlight, 0)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    upstreams,
    inFlight,
    async close() {
      server.closeAllConnections()
      server.close()
      for (const { client } of upstreams.byName.values()) await client.close()
    },
  }
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: OutgoingHttpHeaders | readonly string[]
  readonly body?: string | Uint8Array
}

export interface Reply {
  readonly status: number
  readonly statusText: string
  readonly rawHeaders: readonly string[]
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
  /** The connection closed before the reply was whole. */
  readonly cut: boolean
}

/** One request over a connection of its own, byte for byte. */
export async function exchange(url: string, sent: Sent): Promise<Reply> {
  const outgoing = send(url + (sent.path ?? '/v1/chat/completions'), {
    method: sent.method ?? 'POST',
    headers: (sent.headers ?? { 'content-type': 'application/json' }) as OutgoingHttpHeaders,
    agent: false,
  })
  outgoing.end(sent.body)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  const pieces: Buffer[] = []
  let cut = false
  try {
    for await (const piece of incoming) pieces.push(piece)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
    cut = true
  }
  const { statusCode = 0, statusMessage = '', rawHeaders, headers } = incoming
  return { status: statusCode, statusText: statusMessage, rawHeaders, headers, body: Buffer.concat(pieces), cut }
}
