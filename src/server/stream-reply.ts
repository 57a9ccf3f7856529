import type { AlignmentReport, GenerationEvent, GenerationUsage } from './engine-messages.ts'
import { toOpenAIError } from './openai-error.ts'
import type { RequestRecord } from './request-record.ts'
import { commentFrame, doneFrame, frame } from './sse.ts'

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { type: Type }>

/** How one route writes its chunks; each method returns a complete frame. */
export interface ReplyWriter {
  opening(index: number): string
  delta(event: EventOf<'choice-delta'>): string
  choiceEnd(event: EventOf<'choice-end'>, alignment: AlignmentReport | undefined): string
  usage(usage: GenerationUsage): string
}

/** A reply on its way, as text. */
export interface ReplyStream {
  frames(batches: AsyncIterable<readonly GenerationEvent[]>, record: RequestRecord): AsyncGenerator<string>
  /** The last frame of a reply that fails once it has begun. */
  failure(error: unknown): string
}

/** A reply in chunks, as both completion routes have it. */
export function chunkStream(writer: ReplyWriter, choiceCount: number, includeUsage: boolean): ReplyStream {
  return {
    frames: (batches, record) => streamReply(batches, writer, { choiceCount, includeUsage, record }),
    failure: (error) => frame(toOpenAIError(error).body),
  }
}

/**
 * The frames of a streamed reply, one text per batch of events.
 * The last choice's end waits for the generation's end, which comes with it: it carries the alignment report.
 */
async function* streamReply(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  writer: ReplyWriter,
  reply: { readonly choiceCount: number; readonly includeUsage: boolean; readonly record: RequestRecord },
): AsyncGenerator<string> {
  const { choiceCount, includeUsage, record } = reply
  let text = Array.from({ length: choiceCount }, (_, index) => writer.opening(index)).join('')
  let openChoices = choiceCount
  let lastEnd: EventOf<'choice-end'> | undefined
  let complete = false
  for await (const batch of batches) {
    record.note(batch)
    for (const event of batch) {
      if (event.type === 'choice-delta') {
        if (event.text !== '' || (event.tokens?.length ?? 0) > 0 || event.calls !== undefined)
          text += writer.delta(event)
      } else if (event.type === 'choice-end') {
        openChoices -= 1
        if (openChoices > 0) text += writer.choiceEnd(event, undefined)
        else lastEnd = event
      } else if (event.type === 'generation-progress') {
        text += commentFrame(event.message)
      } else if (event.type === 'generation-end') {
        if (lastEnd !== undefined) text += writer.choiceEnd(lastEnd, event.alignment)
        if (includeUsage) text += writer.usage(event.usage)
        text += doneFrame
        complete = true
      }
    }
    if (text !== '') yield text
    text = ''
  }
  if (!complete) throw new Error('The engine ended an answer without its usage.')
}
