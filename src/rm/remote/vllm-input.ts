import { allOrNone } from '../../decoding/upstream/all-or-none.ts'
import type { JudgedText } from './judged-text.ts'
import type { Ask } from './wire-format.ts'

/** What one call to a pooling route of vLLM holds. */
interface PoolingCall {
  readonly input: object
  readonly count: number
}

/** Ids and texts go together; a conversation that vLLM is to render goes alone, for a call has room for one. */
export function poolingCalls(texts: readonly JudgedText[]): readonly PoolingCall[] {
  const [first] = texts
  if (first === undefined) return []
  if ('ids' in first) {
    const input = texts.map((text) => ('ids' in text ? text.ids : []))
    return [{ input: { input, add_special_tokens: false }, count: texts.length }]
  }
  if ('text' in first)
    return [{ input: { input: texts.map((text) => ('text' in text ? text.text : '')) }, count: texts.length }]
  return texts.flatMap((text) => ('messages' in text ? [{ input: conversation(text), count: 1 }] : []))
}

/** Without the tokens that end a turn where the answer is not at its end. */
const conversation = ({ messages, finished }: Extract<JudgedText, { messages: object }>) => ({
  messages,
  add_generation_prompt: false,
  continue_final_message: !finished,
})

/** The replies of all calls, each with how many texts it is of. */
export function askPooling(
  path: string,
  fields: object,
  texts: readonly JudgedText[],
  ask: Ask,
  signal: AbortSignal,
): Promise<{ readonly reply: unknown; readonly count: number }[]> {
  return allOrNone(
    signal,
    poolingCalls(texts).map(({ input, count }) => async (stop: AbortSignal) => ({
      reply: await ask(path, { ...fields, ...input }, stop),
      count,
    })),
  )
}
