import { connect, type Socket } from 'node:net'
import { built, residentMegabytes, serve } from '../../bench/served.ts'
import { chat, type Outcome, tally } from './chat-client.ts'

const batch = 200

/** Thousands of connections that say nothing: honest requests beside them must be answered. */
export async function idleConnections({ connections }: { connections: number }): Promise<boolean> {
  const server = await serve([], built)
  const { hostname, port } = new URL(server.url)
  const sockets: Socket[] = []
  try {
    const before = residentMegabytes(server.pids[0])
    while (sockets.length < connections) {
      const opening = Array.from({ length: Math.min(batch, connections - sockets.length) }, () =>
        open(Number(port), hostname),
      )
      sockets.push(...(await Promise.all(opening)))
    }
    const outcomes: Outcome[] = []
    for (let turn = 0; turn < 20; turn++) outcomes.push(await chat(server.url, { max_tokens: 16 }, 30_000))
    const megabytes = residentMegabytes(server.pids[0]) - before
    process.stdout.write(`${connections} idle connections, ${megabytes.toFixed(0)} MB more: ${tally(outcomes)}\n`)
    return outcomes.every((outcome) => outcome === 'answer')
  } finally {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
}

function open(port: number, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    socket.once('connect', () => resolve(socket))
    // Afterwards too: the server may close what is idle for long.
    socket.on('error', reject)
  })
}
