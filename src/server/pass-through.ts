import type { IncomingMessage, ServerResponse } from 'node:http'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { Context } from 'hono'
import { isEventStream } from '../decoding/upstream/http/read-reply.ts'
import type { UpstreamReply } from '../decoding/upstream/http/upstream-client.ts'
import { decodedForGlance } from './body-encoding.ts'
import { headersAhead } from './cross-origin.ts'
import { drained } from './drained.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { passedDemand } from './keys/demand.ts'
import { admit } from './keys/guard.ts'
import { passedAsks } from './keys/passed-asks.ts'
import { toOpenAIError } from './openai-error.ts'
import type { Passage } from './passage.ts'
import { headersForClient, headersForUpstream } from './passed-headers.ts'
import { UsageTail } from './passed-usage.ts'
import type { RequestRecord } from './request-record.ts'
import { watchSocketClose } from './socket-close.ts'
import { frame } from './sse.ts'
import { toUpstreamProblem } from './upstream-problem.ts'
import { wholeEvents } from './whole-events.ts'

interface Exchange {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

/**
 * Sends the request on as it came and the reply back as it comes, over the sockets themselves: no Request, Response or web stream in between.
 * @throws ApiProblem when the upstream fails before its reply begins
 */
export async function passThrough(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  passage: Passage,
): Promise<Response> {
  const { incoming, outgoing } = exchangeOf(context)
  const { upstream, body, repeatable } = passage
  const record = context.get('record')
  await admitPassage(context, gateway, passage)
  const requestId = context.get('requestId')
  record.upstream = upstream.client.name
  record.prompt = body
  record.handOver()
  const gone = new AbortController()
  const leave = () => gone.abort(new DOMException('The client went away.', 'AbortError'))
  const release = watchSocketClose(incoming.socket, leave)
  const call = {
    method: incoming.method ?? 'GET',
    path: pathOf(context),
    headers: headersForUpstream(incoming.rawHeaders, requestId, record.traceparent),
    body: body.length === 0 ? undefined : body,
  }
  const { client, affinityBytes } = upstream
  const affinity = affinityBytes === 0 ? undefined : { prefix: body.subarray(0, affinityBytes) }
  const options = { signal: gone.signal, affinity, ...(repeatable ? {} : { retries: 0 }) }
  let reply: UpstreamReply | undefined
  try {
    reply = await client.request(call, options).catch((error: unknown) => {
      throw toUpstreamProblem(error)
    })
    const others = [...headersAhead(context, gateway)]
    writeHead(outgoing, reply, headersForClient(reply.headers, { requestId, upstream: client.name, others }))
    if (isEventStream(reply)) record.streams(gateway.metrics.clock(record.model))
    const fault = await writeBody(outgoing, reply, gone.signal, record)
    if (fault !== undefined && !gone.signal.aborted) {
      record.failed(fault)
      gateway.onFault(fault, requestId)
    }
    return RESPONSE_ALREADY_SENT
  } finally {
    release()
    reply?.cancel()
  }
}

/** Takes it off the limits of its key. */
async function admitPassage(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  { body, model }: Passage,
): Promise<void> {
  const { bodyBytes, defaultMaxTokens, inFlightCost } = gateway.limits
  // Where nothing is limited nobody looks into the body.
  if (context.get('caller') === undefined && inFlightCost === undefined) {
    admit(context, gateway, passedDemand(model, body.length, { choices: 1, maxTokens: defaultMaxTokens }))
    return
  }
  const encoding = context.req.header('content-encoding')
  const readable = encoding === undefined ? body : await decodedForGlance(body, encoding, bodyBytes)
  admit(context, gateway, passedDemand(model ?? '', readable.length, passedAsks(readable, defaultMaxTokens)))
}

function exchangeOf({ env }: Context<AppEnvironment>): Exchange {
  const { incoming, outgoing } = env ?? {}
  // HTTP/2 is not spoken here; tests that call the app without a server have neither.
  if (incoming === undefined || outgoing === undefined) throw new Error('Passing through needs a server.')
  return { incoming: incoming as IncomingMessage, outgoing: outgoing as ServerResponse }
}

/** Without dot segments, which the URL parser resolves: what was let in below /v1/ stays there. */
function pathOf(context: Context<AppEnvironment>): string {
  const { pathname, search } = new URL(context.req.url)
  return pathname + search
}

function writeHead(outgoing: ServerResponse, reply: UpstreamReply, headers: readonly string[]): void {
  // The upstream's own date goes on, or none.
  outgoing.sendDate = false
  outgoing.writeHead(reply.status, reply.statusText, headers as string[])
  // Its first event may be long in coming.
  if (isEventStream(reply)) outgoing.flushHeaders()
}

/** Ends the response; returns why it had to break off, if it had. */
async function writeBody(
  outgoing: ServerResponse,
  reply: UpstreamReply,
  signal: AbortSignal,
  record: RequestRecord,
): Promise<unknown> {
  const mayExplain = isEventStream(reply) && ['content-encoding', 'content-length'].every((name) => !reply.header(name))
  const tail = new UsageTail()
  try {
    for await (const chunk of mayExplain ? wholeEvents(reply.body) : reply.body) {
      record.clock?.tick()
      tail.note(chunk)
      if (!outgoing.write(chunk)) await drained(outgoing, signal)
    }
    record.usage = reply.status === 200 ? tail.read() : undefined
    outgoing.end()
    return undefined
  } catch (error) {
    const problem = toUpstreamProblem(error)
    // A length or a compressed stream leaves no room for a word of ours: the broken connection tells.
    if (mayExplain && !signal.aborted) outgoing.end(frame(toOpenAIError(problem).body))
    else outgoing.destroy()
    return problem
  }
}
