import { createServer, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { ApiProblem } from './api-problem.ts'
import { toOpenAIError } from './openai-error.ts'

/**
 * How long a connection may be idle between requests. Node's 5 s are shorter than what load balancers keep theirs (a minute, mostly), and on a starved
 * machine its timer fires before a request that has arrived is read: either way a client's request is cut without an answer.
 */
const idleMs = 75_000

/** After the last byte of an answer to broken HTTP, its client gets this long to read it. */
const lingerMs = 500

/**
 * A plain HTTP/1 server whose refusals are OpenAI errors too where they come before any route.
 * @param stallMs a client that takes nothing of what waits for it for this long, or up to twice as long, is cut off
 */
export function createHttpServer(fetch: Parameters<typeof getRequestListener>[0], stallMs = 60_000): Server {
  const listener = getRequestListener(fetch, { errorHandler: refuseRequest })
  // Node's own check answers without a body; the listener misses the header as well, and asks `refuseRequest`.
  const server = createServer({ requireHostHeader: false }, (request, response) => {
    cutStalled(response, stallMs)
    return listener(request, response)
  })
  server.keepAliveTimeout = idleMs
  return server.on('clientError', answerBrokenHttp)
}

/** Node's timeout comes after silence too, which is no fault of the client: only bytes that wait and do not get fewer are. */
function cutStalled(response: ServerResponse, stallMs: number): void {
  response.setTimeout(stallMs, () => {
    if (response.socket !== null && response.socket.writableLength > 0) response.socket.destroy()
  })
}

/** A request that is HTTP, but not one that a URL can be made of: the host is missing or not one. */
function refuseRequest(error: unknown): Response {
  const { status, body } = toOpenAIError(new ApiProblem('bad-http', `The request is not valid: ${told(error)}.`))
  return Response.json(body, { status })
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What the parser did not understand has no request and no response, only a socket. */
function answerBrokenHttp(error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: { headersSent: boolean } }) {
  // An answer that has begun cannot become another one.
  if (!socket.writable || error.code === 'ECONNRESET' || socket._httpMessage?.headersSent === true) {
    socket.destroy()
    return
  }
  const { status, body } = toOpenAIError(toProblem(error))
  const text = JSON.stringify(body)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`, () => void setTimeout(() => socket.destroy(), lingerMs).unref())
}

function toProblem(error: NodeJS.ErrnoException): ApiProblem {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiProblem('headers-too-large', 'The headers are larger than 16 KiB in all; send less in them.')
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiProblem('http-timeout', 'The request did not arrive in time; send it again.')
  }
  return new ApiProblem('bad-http', `The request is not valid HTTP: ${error.message}.`)
}
