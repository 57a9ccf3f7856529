import type { GenerationEvent, TokenReport } from './engine-messages.ts'
import { toOpenAIError } from './openai-error.ts'
import { toChatLogprobs } from './reply-parts.ts'
import type { RequestRecord } from './request-record.ts'
import {
  finishedResponse,
  itemId,
  openResponse,
  outputItem,
  outputText,
  type ResponseFrame,
} from './responses-object.ts'
import { commentFrame } from './sse.ts'
import type { ReplyStream } from './stream-reply.ts'

type EndOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { type: Type }>

/** A streamed response: typed events, numbered without a gap; like OpenAI's, it ends with its last event and no `[DONE]`. */
export function responsesStream(response: ResponseFrame): ReplyStream {
  const writer = new ResponsesWriter(response)
  return {
    frames: (batches, record) => responsesFrames(batches, writer, record),
    failure: (error) => writer.failure(error),
  }
}

async function* responsesFrames(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  writer: ResponsesWriter,
  record: RequestRecord,
): AsyncGenerator<string> {
  let text = writer.opening()
  let complete = false
  for await (const batch of batches) {
    record.note(batch)
    for (const event of batch) {
      if (event.type === 'choice-delta') text += writer.delta(event)
      else if (event.type === 'choice-end') writer.end(event)
      else if (event.type === 'generation-progress') text += commentFrame(event.message)
      else if (event.type === 'generation-end') {
        text += writer.closing(event)
        complete = true
      }
    }
    if (text !== '') yield text
    text = ''
  }
  if (!complete) throw new Error('The engine ended an answer without its usage.')
}

/** Writes one response's events; its last ones repeat the whole answer, so it holds that. */
class ResponsesWriter {
  #sequence = 0
  #text = ''
  readonly #tokens: TokenReport[] = []
  #finish: EndOf<'choice-end'>['finishReason'] = 'stop'
  readonly #frame: ResponseFrame

  constructor(frame: ResponseFrame) {
    this.#frame = frame
  }

  opening(): string {
    const response = openResponse(this.#frame)
    const part = outputText(this.#frame, { text: '', tokens: [] })
    return [
      this.#event('response.created', { response }),
      this.#event('response.in_progress', { response }),
      this.#event('response.output_item.added', { output_index: 0, item: outputItem(this.#frame, undefined) }),
      this.#event('response.content_part.added', { ...this.#place(), part }),
    ].join('')
  }

  delta({ text, tokens = [] }: EndOf<'choice-delta'>): string {
    if (text === '' && tokens.length === 0) return ''
    this.#text += text
    if (this.#frame.logprobs) this.#tokens.push(...tokens)
    const logprobs = this.#frame.logprobs ? toChatLogprobs(tokens).content : []
    return this.#event('response.output_text.delta', { ...this.#place(), delta: text, logprobs })
  }

  end({ finishReason }: EndOf<'choice-end'>): void {
    this.#finish = finishReason
  }

  closing({ usage, alignment }: EndOf<'generation-end'>): string {
    const answer = { text: this.#text, tokens: this.#tokens, finishReason: this.#finish, calls: [] }
    const part = outputText(this.#frame, answer)
    const response = finishedResponse(this.#frame, answer, { usage, alignment })
    return [
      this.#event('response.output_text.done', { ...this.#place(), text: part.text, logprobs: part.logprobs }),
      this.#event('response.content_part.done', { ...this.#place(), part }),
      this.#event('response.output_item.done', { output_index: 0, item: outputItem(this.#frame, answer) }),
      this.#event(`response.${response.status}`, { response }),
    ].join('')
  }

  /** Flat as in OpenAI's reference, and nested as OpenAI sends it and its clients look for it. */
  failure(thrown: unknown): string {
    const { error } = toOpenAIError(thrown).body
    return this.#event('error', { code: error.code, message: error.message, param: error.param, error })
  }

  #place() {
    return { item_id: itemId(this.#frame), output_index: 0, content_index: 0 }
  }

  #event(type: string, fields: object): string {
    return `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: this.#sequence++, ...fields })}\n\n`
  }
}
