import type { AlignmentReport, GenerationEvent, GenerationUsage } from './engine-messages.ts'
import type { RequestRecord } from './request-record.ts'
import { commentFrame, doneFrame } from './sse.ts'

type EventOf<Type extends GenerationEvent['type']> = Extract<GenerationEvent, { type: Type }>

/** How one route writes its chunks; each method returns a complete frame. */
export interface ReplyWriter {
  opening(index: number): string
  delta(event: EventOf<'choice-delta'>): string
  choiceEnd(event: EventOf<'choice-end'>, alignment: AlignmentReport | undefined): string
  usage(usage: GenerationUsage): string
}

/**
 * The frames of a streamed reply, one text per batch of events.
 * The last choice's end waits for the generation's end, which comes with it: it carries the alignment report.
 */
export async function* streamReply(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  writer: ReplyWriter,
  choiceCount: number,
  includeUsage: boolean,
  record?: RequestRecord,
): AsyncGenerator<string> {
  let text = Array.from({ length: choiceCount }, (_, index) => writer.opening(index)).join('')
  let openChoices = choiceCount
  let lastEnd: EventOf<'choice-end'> | undefined
  let complete = false
  for await (const batch of batches) {
    record?.note(batch)
    for (const event of batch) {
      if (event.type === 'choice-delta') {
        if (event.text !== '' || (event.tokens?.length ?? 0) > 0) text += writer.delta(event)
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
