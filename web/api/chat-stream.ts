import { createParser } from 'eventsource-parser'
import type { OpenAIErrorBody } from '../../src/server/openai-error.ts'
import type { toChatLogprobs, toWireAlignment } from '../../src/server/reply-parts.ts'
import type { ChatBody } from '../state/to-request.ts'
import { ask, reach, Unreachable } from './ask.ts'
import { ServerError } from './server-error.ts'

export type WireAlignment = ReturnType<typeof toWireAlignment>
export type WireToken = ReturnType<typeof toChatLogprobs>['content'][number]

/** A frame of a streamed chat completion, as far as the page reads it. */
interface ChatChunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string }
    readonly logprobs: { readonly content: readonly WireToken[] } | null
    readonly finish_reason: string | null
  }[]
  readonly alignment?: WireAlignment
}

/** What a stream brought: text with its tokens, a sign of life, or how the answer ended. */
export type ChatEvent =
  | { readonly type: 'text'; readonly text: string; readonly tokens: readonly WireToken[] }
  | { readonly type: 'progress'; readonly message: string }
  | { readonly type: 'end'; readonly finishReason: string; readonly alignment: WireAlignment | undefined }

/**
 * One streamed chat completion; aborting the signal closes the connection, and the server stops its work.
 * @throws ServerError for a refusal or an error frame; Unreachable; the signal's reason
 */
export async function* chatStream(body: ChatBody, signal: AbortSignal): AsyncGenerator<ChatEvent> {
  const headers = { 'content-type': 'application/json' }
  const response = await ask('/v1/chat/completions', { method: 'POST', headers, body: JSON.stringify(body), signal })
  if (response.body === null) throw new Unreachable('an empty reply')
  let ended = false
  for await (const event of eventsOf(response.body, signal)) {
    if (event === 'done') ended = true
    else yield event
  }
  if (!ended) throw new Unreachable('the stream ended too early')
}

async function* eventsOf(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<ChatEvent | 'done'> {
  const found: (ChatEvent | 'done')[] = []
  const parser = createParser({
    onEvent: ({ data }) => found.push(...(data === '[DONE]' ? (['done'] as const) : readFrame(data))),
    onComment: (message) => found.push({ type: 'progress', message: message.trim() }),
  })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reach(() => reader.read(), signal)
      if (done) return
      parser.feed(decoder.decode(value, { stream: true }))
      yield* found.splice(0)
    }
  } finally {
    reader.releaseLock()
  }
}

function readFrame(data: string): ChatEvent[] {
  const frame = JSON.parse(data) as ChatChunk | OpenAIErrorBody
  if ('error' in frame)
    throw new ServerError(frame.error.message, frame.error.param ?? undefined, frame.error.code ?? undefined)
  return frame.choices.flatMap(({ delta, logprobs, finish_reason: finishReason }): ChatEvent[] => {
    if (finishReason !== null) return [{ type: 'end', finishReason, alignment: frame.alignment }]
    const tokens = logprobs?.content ?? []
    const text = delta.content ?? ''
    return text === '' && tokens.length === 0 ? [] : [{ type: 'text', text, tokens }]
  })
}
