import type { Context } from 'hono'
import { ApiProblem } from './api-problem.ts'
import { parseFields } from './field-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { generationContext, type ReplyFormat, reply } from './generation-route.ts'
import { refuseMisplaced } from './misplaced-fields.ts'
import { passThrough } from './pass-through.ts'
import { passageOfCompletion } from './passage.ts'
import { parseBody, readBytes } from './read-body.ts'
import { finishedResponse, type ResponseFrame } from './responses-object.ts'
import { asksForLogprobs, type ResponsesRequest, responsesRequest } from './responses-request.ts'
import { responsesStream } from './responses-stream.ts'
import { responsesToGeneration } from './to-generation.ts'
import { refuseUnsupported, refuseUnsupportedHeaders } from './unsupported-fields.ts'

/** POST /v1/responses: stateless, one message out, on the path of chat completions. */
export async function responses(context: Context<AppEnvironment>, gateway: Gateway): Promise<Response> {
  const bytes = await readBytes(context, gateway.limits.bodyBytes)
  const passage = await passageOfCompletion(context, gateway, bytes, { wholeReplies: false })
  if (passage !== undefined) return passThrough(context, gateway, passage)
  const fields = parseBody(bytes)
  refuseUnsupportedHeaders(context.req)
  refuseUnsupported(fields, 'response')
  refuseMisplaced(fields, responsesRequest.shape)
  const body = parseFields(responsesRequest, fields)
  const routed = { ...body, stream_options: undefined }
  context.get('record').prompt = body.input
  const details = generationContext(context, routed, gateway)
  const generation = responsesToGeneration(body, details)
  const format = formatOf(body, details.seed)
  const logprobs = asksForLogprobs(body)
  try {
    return await reply(context, gateway, routed, generation, { logprobs, seed: details.seed, format })
  } catch (error) {
    throw inTheseFields(error)
  }
}

function formatOf(body: ResponsesRequest, seed: number): ReplyFormat {
  const logprobs = asksForLogprobs(body)
  const frameOf = (identity: ResponseFrame['identity']): ResponseFrame => ({ identity, body, logprobs, seed })
  return {
    idPrefix: 'resp_',
    repeatsLogprobs: true,
    whole: (identity, { choices, ...end }) => finishedResponse(frameOf(identity), choices[0]!, end),
    stream: (identity) => {
      const { frames, failure } = responsesStream(frameOf(identity))
      return { frames, failure: (error) => failure(inTheseFields(error)) }
    },
  }
}

const names: Readonly<Record<string, string>> = {
  messages: 'input',
  max_tokens: 'max_output_tokens',
  logprobs: 'include',
}

/** The engine speaks of chat completions' fields. */
function inTheseFields(error: unknown): unknown {
  if (!(error instanceof ApiProblem)) return error
  const { kind, message, param = '', retryAfter, allow, cause } = error
  const words = message.replaceAll(/\bmax_tokens\b/g, 'max_output_tokens').replaceAll("'logprobs'", "'include'")
  const detail = {
    param: Object.hasOwn(names, param) ? names[param] : error.param,
    ...(retryAfter === undefined ? {} : { retryAfter }),
    ...(allow === undefined ? {} : { allow }),
    cause,
  }
  return new ApiProblem(kind, words, detail)
}
