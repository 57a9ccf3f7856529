import type { Context } from 'hono'
import { bestOfReplies, repliesChosenOf } from './best-of-replies.ts'
import { completionRequest } from './completion-request.ts'
import { completionWriter, textCompletion } from './completion-response.ts'
import { parseFields } from './field-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { generationContext, type ReplyFormat, reply } from './generation-route.ts'
import { refuseMisplaced } from './misplaced-fields.ts'
import { passThrough } from './pass-through.ts'
import { passageOfCompletion } from './passage.ts'
import { parseBody, readBytes } from './read-body.ts'
import { chunkStream } from './stream-reply.ts'
import { completionToGeneration } from './to-generation.ts'
import { refuseUnsupported, refuseUnsupportedHeaders } from './unsupported-fields.ts'

const format: ReplyFormat = {
  idPrefix: 'cmpl-',
  whole: textCompletion,
  stream: (identity, shape) => chunkStream(completionWriter(identity, shape), shape.choiceCount, shape.includeUsage),
}

/** POST /v1/completions */
export async function completions(context: Context<AppEnvironment>, gateway: Gateway): Promise<Response> {
  const bytes = await readBytes(context, gateway.limits.bodyBytes)
  const passage = await passageOfCompletion(context, gateway, bytes)
  if (passage !== undefined) return passThrough(context, gateway, passage)
  const fields = parseBody(bytes)
  refuseUnsupportedHeaders(context.req)
  const served = repliesChosenOf(gateway, fields)
  if (served !== undefined) return await bestOfReplies(context, gateway, fields, served, 'completion')
  refuseUnsupported(fields, 'completion')
  refuseMisplaced(fields, completionRequest.shape)
  const body = parseFields(completionRequest, fields)
  context.get('record').prompt = body.prompt
  const details = generationContext(context, body, gateway)
  const generation = completionToGeneration(body, details)
  return reply(context, gateway, body, generation, {
    logprobs: body.logprobs !== undefined,
    seed: details.seed,
    format,
  })
}
