import { z } from 'zod'
import type { ChatMessage } from '../decoding/checkpoint/chat-template.ts'

const part = z.looseObject({ type: z.string(), text: z.string().optional() })
const call = z.looseObject({ function: z.looseObject({ name: z.string(), arguments: z.string() }) })

/** A message of the API as far as rewards read it; other fields are the upstream's business. */
export const looseMessage = z.looseObject({
  role: z.string().default('assistant'),
  content: z.union([z.string(), z.array(part)]).nullish(),
  refusal: z.string().nullish(),
  tool_calls: z.array(call).nullish(),
})

export type LooseMessage = z.output<typeof looseMessage>

/** What is said, then each tool call as a line of JSON. */
export function messageText({ content, refusal, tool_calls: calls }: LooseMessage): string {
  const said = typeof content === 'string' ? content : (content ?? []).flatMap(({ text }) => text ?? []).join('\n')
  const lines = (calls ?? []).map(({ function: { name, arguments: given } }) =>
    JSON.stringify({ name, arguments: jsonOr(given) }),
  )
  return [said || (refusal ?? ''), ...lines].filter((text) => text !== '').join('\n')
}

export const toJudgedMessage = (message: LooseMessage): ChatMessage => ({
  role: message.role === 'developer' ? 'system' : message.role,
  content: messageText(message),
})

/** Parts that are no text. */
export const mediaOf = ({ content }: LooseMessage): readonly object[] =>
  typeof content === 'string' ? [] : (content ?? []).filter(({ type }) => type !== 'text')

/** Arguments are JSON as a text, as far as the model wrote them well. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
