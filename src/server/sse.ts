/** The headers of an event stream; `x-accel-buffering` keeps nginx from holding it back. */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  'x-accel-buffering': 'no',
} as const

/** A frame of the stream. */
export function frame(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** A comment: clients skip it, people and proxies see that something is going on. */
export const commentFrame = (message: string): string => `: ${message.replaceAll(/[\r\n]+/g, ' ')}\n\n`

/** What OpenAI clients take as the end of a complete answer. */
export const doneFrame = 'data: [DONE]\n\n'
