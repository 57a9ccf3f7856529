import { connect, type Socket } from 'node:net'

/** Connections that ask for a long stream and never read a byte of it. */
export class SlowReaders {
  readonly #sockets: readonly Socket[]

  constructor(url: string, count: number) {
    const { hostname, port } = new URL(url)
    this.#sockets = Array.from({ length: count }, () => {
      const socket = connect(Number(port), hostname, () => socket.write(request(hostname)))
      // The server may cut it: that is what it is for.
      return socket.pause().on('error', () => socket.destroy())
    })
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function request(host: string): string {
  const body = JSON.stringify({
    model: 'tiny',
    stream: true,
    max_tokens: 400,
    ignore_eos: true,
    n: 4,
    logprobs: true,
    top_logprobs: 20,
    messages: [{ role: 'user', content: 'Write a review of the Abbey Hotel.' }],
  })
  const head = ['POST /v1/chat/completions HTTP/1.1', `Host: ${host}`, 'Content-Type: application/json']
  return [...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n')
}
