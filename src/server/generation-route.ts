import type { Context } from 'hono'
import type { alignmentOptions } from '../guidance/alignment-options.ts'
import { selectAlignment } from './alignment-selection.ts'
import { type Answers, collectAnswers } from './answers.ts'
import { ApiProblem } from './api-problem.ts'
import type { ReplyShape } from './chat-response.ts'
import { watchClient } from './client-presence.ts'
import type { GenerationRequest, ModelCard } from './engine-messages.ts'
import type { AppEnvironment, Gateway } from './gateway.ts'
import { demandOf } from './keys/demand.ts'
import { admit } from './keys/guard.ts'
import { findModel } from './models.ts'
import { newReplyIdentity, type ReplyIdentity } from './reply-identity.ts'
import { refuseLongIds, refuseManyChoices } from './request-bounds.ts'
import { RequestTimings, timingsHeader } from './request-timings.ts'
import type { ReplyStream } from './stream-reply.ts'
import { streamedReply } from './streamed-reply.ts'
import { drawSeed, type GenerationContext } from './to-generation.ts'

/** The fields that decide how a request runs, whatever its route. */
interface RoutedBody {
  readonly model: string
  readonly n: number
  readonly seed?: number | undefined
  readonly stream: boolean
  readonly stream_options?: { readonly include_usage: boolean } | undefined
  readonly alignment?: ReturnType<typeof alignmentOptions.parse> | undefined
}

/** How a route writes its replies. */
export interface ReplyFormat {
  readonly idPrefix: 'chatcmpl-' | 'cmpl-' | 'resp_'
  /** A stream's end repeats the log-probabilities, so that all are held. */
  readonly repeatsLogprobs?: true
  whole(identity: ReplyIdentity, answers: Answers, shape: ReplyShape): object
  stream(identity: ReplyIdentity, shape: ReplyShape): ReplyStream
}

/** What the body's model, seed and alignment come to. */
export function generationContext(
  context: Context<AppEnvironment>,
  body: RoutedBody,
  gateway: Gateway,
): GenerationContext {
  const { limits, models } = gateway
  const served = findModel(models, body.model)
  const header = context.req.header('x-trimtab-alignment')
  const record = context.get('record')
  record.model = body.model
  const choices = { body: body.alignment, header, aliasPolicy: served.policy }
  const { options: alignment, policies } = selectAlignment(choices, models.policies)
  record.policies = policies
  return { model: served.model, alignment, seed: body.seed ?? drawSeed(), defaultMaxTokens: limits.defaultMaxTokens }
}

/** Runs the generation and replies with JSON or an event stream. */
export async function reply(
  context: Context<AppEnvironment>,
  gateway: Gateway,
  body: RoutedBody,
  generation: GenerationRequest,
  details: { readonly logprobs: boolean; readonly seed: number; readonly format: ReplyFormat },
): Promise<Response> {
  const { limits } = gateway
  refuseManyChoices(generation, limits.maxChoices)
  const card = cardOf(gateway, generation.model)
  refuseLongIds(generation, card)
  const identity = newReplyIdentity(details.format.idPrefix, body.model, card)
  const shape: ReplyShape = {
    choiceCount: generation.prompts.length * generation.n,
    logprobs: details.logprobs,
    includeUsage: body.stream_options?.include_usage ?? false,
    seed: details.seed,
  }
  const record = context.get('record')
  record.streamed = body.stream
  admit(context, gateway, demandOf(generation, record))
  const client = watchClient(context)
  const streamsLogprobs = body.stream && details.format.repeatsLogprobs !== true
  const replyLimit = { streamed: streamsLogprobs, heldLogprobs: limits.heldLogprobs }
  const timings = context.req.header(timingsHeader) === 'true' ? new RequestTimings() : undefined
  record.handOver(gateway.metrics.clock(record.model))
  const events = gateway.engine.generate({ ...generation, replyLimit, ...record.carriedTrace }, client.signal)
  const batches = timings?.watch(events) ?? events
  if (body.stream) {
    const { frames, failure } = details.format.stream(identity, shape)
    const written = frames(batches, record)
    return await streamedReply(context, gateway, { frames: timings?.told(written) ?? written, failure }, client)
  }
  try {
    const answers = await collectAnswers(batches, shape.choiceCount, record)
    if (timings !== undefined) context.header('server-timing', timings.serverTiming())
    return context.json(details.format.whole(identity, answers, shape))
  } finally {
    client.release()
  }
}

function cardOf(gateway: Gateway, model: string): ModelCard {
  const card = gateway.engine.state.models.find(({ name }) => name === model)
  if (card !== undefined) return card
  throw new ApiProblem('engine-unavailable', 'The engine is loading its models; try again shortly.', { retryAfter: 2 })
}
