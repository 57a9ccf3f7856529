import { once } from 'node:events'
import { createServer, type IncomingMessage, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What went to an engine and what came from it, as it was on the wire but for the framing. */
export interface Recorded {
  readonly requestBody: Buffer
  readonly status: number
  readonly rawHeaders: readonly string[]
  readonly replyBody: Buffer
  /** The gateway closed the connection before the end. */
  readonly left: boolean
}

/** Stands between the gateway and a real engine, whose replies differ from run to run, and writes both down. */
export async function recordingProxy(engine: string) {
  const records: Recorded[] = []
  let open = 0
  const server = createServer(async (incoming, outgoing) => {
    open += 1
    const requestBody = await buffer(incoming)
    const { method, url, rawHeaders } = incoming
    const headers = rawHeaders.flatMap((name, i) =>
      i % 2 === 0 && !/^(host|connection)$/i.test(name) ? [name, rawHeaders[i + 1]!] : [],
    )
    const call = send(engine + url, {
      method,
      headers: [...headers, 'Host', new URL(engine).host] as never,
      agent: false,
    })
    call.end(requestBody)
    const [reply] = (await once(call, 'response')) as [IncomingMessage]
    const pieces: Buffer[] = []
    let left = false
    outgoing.on('close', () => {
      left = !outgoing.writableFinished
      if (left) call.destroy()
    })
    outgoing.sendDate = false
    outgoing.writeHead(reply.statusCode!, reply.statusMessage, reply.rawHeaders)
    try {
      for await (const piece of reply) {
        pieces.push(piece)
        outgoing.write(piece)
      }
    } catch (error) {
      if (!left) throw error
    }
    const status = reply.statusCode!
    records.push({ requestBody, status, rawHeaders: reply.rawHeaders, replyBody: Buffer.concat(pieces), left })
    open -= 1
    outgoing.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    records,
    open: () => open,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
