import { z } from 'zod'
import type { BestOfOptions } from '../guidance/whole-answer-options.ts'
import type { Question } from '../rm/reward.ts'
import { ApiProblem } from './api-problem.ts'
import type { ReplyRoute } from './candidate-calls.ts'
import { parseFields } from './field-problem.ts'
import type { ServedName } from './models.ts'
import { looseMessage, mediaOf, messageText, toJudgedMessage } from './reply-text.ts'
import { drawSeed } from './to-generation.ts'

/** What is asked of an upstream for one best-of over whole replies. */
export interface RepliesPlan {
  readonly route: ReplyRoute
  /** One for each candidate. */
  readonly bodies: readonly object[]
  readonly question: Question
  /** The conversation has images, or answers may call tools. */
  readonly beyondText: boolean
  readonly seed: number
  readonly includeUsage: boolean
}

/** What must be understood of a request whose other fields are the upstream's business. */
const askedFields = z.looseObject({
  n: z.literal(1, { error: 'must be 1: one reply is chosen' }).optional(),
  temperature: z.number().optional(),
  seed: z.int().optional(),
  stream: z.boolean().optional(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
  messages: z.array(looseMessage).min(1).optional(),
  prompt: z.unknown().optional(),
  tools: z.array(z.unknown()).optional(),
  functions: z.array(z.unknown()).optional(),
  tool_choice: z.unknown().optional(),
})

type Asked = z.output<typeof askedFields>

/** @throws ApiProblem naming the field that is at fault */
export function planReplies(
  fields: Readonly<Record<string, unknown>>,
  served: ServedName,
  route: ReplyRoute,
  bestOf: BestOfOptions,
  references: readonly string[] | undefined,
): RepliesPlan {
  const asked = parseFields(askedFields, fields)
  if (asked.temperature === 0 && bestOf.n > 1)
    refuse('At temperature 0 all answers are the same: give a temperature, or leave best_of out.', 'temperature')
  return {
    route,
    bodies: bodiesOf(fields, served, asked.seed, bestOf.n),
    question: route === 'chat' ? chatQuestion(asked, references) : textQuestion(asked, references),
    beyondText: isBeyondText(asked),
    seed: asked.seed ?? drawSeed(),
    includeUsage: asked.stream_options?.include_usage ?? false,
  }
}

/** The request as it came, but for what chooses among replies. A seed is each candidate's own, or all would be the same. */
function bodiesOf(
  fields: Readonly<Record<string, unknown>>,
  { model, upstream }: ServedName,
  seed: number | undefined,
  n: number,
): readonly object[] {
  const { alignment: _alignment, n: _n, stream: _stream, stream_options: _options, ...rest } = fields
  const body = { ...rest, model: upstream?.renamed ?? model }
  return Array.from({ length: n }, (_, i) => (seed === undefined ? body : { ...body, seed: seedOf(seed, i) }))
}

/** Beyond the integers that JSON keeps exact, neighbours would be one and the same. */
const seedOf = (seed: number, candidate: number): number =>
  seed + candidate <= Number.MAX_SAFE_INTEGER ? seed + candidate : seed - candidate

function chatQuestion({ messages }: Asked, references: readonly string[] | undefined): Question {
  if (messages === undefined) return refuse("'messages' is required.", 'messages')
  const media = messages.flatMap(mediaOf)
  return {
    messages: messages.map(toJudgedMessage),
    text: messages.map(messageText).join('\n'),
    references,
    ...(media.length === 0 ? {} : { media }),
  }
}

function textQuestion({ prompt }: Asked, references: readonly string[] | undefined): Question {
  if (typeof prompt === 'string') return { messages: undefined, text: prompt, references }
  return refuse("'prompt' must be one text: whole replies to it are judged together with it.", 'prompt')
}

/** Whether rewards that read plain text would judge something else than what was said. */
export function isBeyondText(fields: Readonly<Record<string, unknown>>): boolean {
  const asked = askedFields.safeParse(fields)
  // whoever answers words what is wrong with it
  if (!asked.success) return false
  const { messages = [], tools = [], functions = [], tool_choice } = asked.data
  const mayCall = tool_choice !== 'none' && tools.length + functions.length > 0
  return mayCall || messages.some((message) => mediaOf(message).length > 0 || (message.tool_calls ?? []).length > 0)
}

function refuse(message: string, param: string): never {
  throw new ApiProblem('invalid-request', message, { param })
}
