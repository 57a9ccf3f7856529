import { connect, type Socket } from 'node:net'
import { built, serve } from '../../bench/served.ts'
import { chat, type Outcome, tally } from './chat-client.ts'

/** Node looks every 30 s for requests whose headers take longer than 60 s. */
const mostMs = 120_000

/** Clients that send their headers a byte a second: each must be cut off, and honest requests be answered meanwhile. */
export async function slowLoris({ connections }: { connections: number }): Promise<boolean> {
  const server = await serve([], built)
  const start = performance.now()
  const cutAfter: number[] = []
  const sockets = Array.from({ length: connections }, () =>
    trickle(server.url, () => void cutAfter.push(performance.now() - start)),
  )
  try {
    const outcomes: Outcome[] = []
    while (cutAfter.length < connections && performance.now() - start < mostMs) {
      outcomes.push(await chat(server.url, { max_tokens: 16 }, 30_000))
      await new Promise((resolve) => setTimeout(resolve, 1000))
    }
    const last = (Math.max(...cutAfter) / 1000).toFixed(0)
    process.stdout.write(
      `${connections} slow clients: ${cutAfter.length} cut off, the last after ${last} s; honest requests: ${tally(outcomes)}\n`,
    )
    return cutAfter.length === connections && outcomes.every((outcome) => outcome === 'answer')
  } finally {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
}

function trickle(url: string, onCut: () => void): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname, () => socket.write('POST /v1/chat/completions HTTP/1.1\r\nX-Slow: '))
  const timer = setInterval(() => socket.write('a'), 1000)
  socket.on('error', () => socket.destroy())
  socket.once('close', () => {
    clearInterval(timer)
    onCut()
  })
  // What the server says when it cuts must be read, or the connection never ends.
  return socket.resume()
}
