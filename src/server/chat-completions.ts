import type { Context } from 'hono'
import { bestOfReplies, repliesChosenOf } from './best-of-replies.ts'
import { chatRequest } from './chat-request.ts'
import { chatCompletion, chatWriter } from './chat-response.ts'
import { parseFields } from './field-problem.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { generationContext, type ReplyFormat, reply } from './generation-route.ts'
import { refuseMisplaced } from './misplaced-fields.ts'
import { passThrough } from './pass-through.ts'
import { passageOfCompletion } from './passage.ts'
import { parseBody, readBytes } from './read-body.ts'
import { chunkStream } from './stream-reply.ts'
import { chatToGeneration } from './to-generation.ts'
import { refuseUnsupported, refuseUnsupportedHeaders } from './unsupported-fields.ts'

const format: ReplyFormat = {
  idPrefix: 'chatcmpl-',
  whole: chatCompletion,
  stream: (identity, shape) => chunkStream(chatWriter(identity, shape), shape.choiceCount, shape.includeUsage),
}

/** POST /v1/chat/completions */
export async function chatCompletions(context: Context<AppEnvironment>, gateway: Gateway): Promise<Response> {
  const bytes = await readBytes(context, gateway.limits.bodyBytes)
  const passage = await passageOfCompletion(context, gateway, bytes)
  if (passage !== undefined) return passThrough(context, gateway, passage)
  const fields = parseBody(bytes)
  refuseUnsupportedHeaders(context.req)
  const served = repliesChosenOf(gateway, fields)
  if (served !== undefined) return await bestOfReplies(context, gateway, fields, served, 'chat')
  refuseUnsupported(fields, 'chat')
  refuseMisplaced(fields, chatRequest.shape)
  const body = parseFields(chatRequest, fields)
  context.get('record').prompt = body.messages
  const details = generationContext(context, body, gateway)
  const generation = chatToGeneration(body, details)
  return reply(context, gateway, body, generation, { logprobs: body.logprobs, seed: details.seed, format })
}
