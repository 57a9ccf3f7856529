import type {
  AlignmentReport,
  AnswerEnd,
  GenerationEvent,
  GenerationUsage,
  TokenReport,
  ToolCallPiece,
} from './engine-messages.ts'
import type { RequestRecord } from './request-record.ts'

/** A choice, complete. */
export interface Answer {
  readonly text: string
  readonly tokens: readonly TokenReport[]
  readonly finishReason: AnswerEnd
  /** Calls of tools, in order. */
  readonly calls: readonly AnswerCall[]
}

/** A call, complete. */
export interface AnswerCall {
  readonly name: string
  readonly arguments: string
}

/** A request's whole outcome. */
export interface Answers {
  readonly choices: readonly Answer[]
  readonly usage: GenerationUsage
  readonly alignment: AlignmentReport | undefined
}

/** Reads a generation to its end. */
export async function collectAnswers(
  batches: AsyncIterable<readonly GenerationEvent[]>,
  count: number,
  record?: RequestRecord,
): Promise<Answers> {
  const drafts = Array.from({ length: count }, () => ({
    text: '',
    tokens: [] as TokenReport[],
    finish: 'stop' as AnswerEnd,
    calls: [] as { name: string; arguments: string }[],
  }))
  let end: Extract<GenerationEvent, { type: 'generation-end' }> | undefined
  for await (const batch of batches) {
    record?.note(batch)
    for (const event of batch) {
      if (event.type === 'generation-end') end = event
      if (event.type !== 'choice-delta' && event.type !== 'choice-end') continue
      const draft = drafts[event.index]
      if (draft === undefined) throw new Error(`The engine answered for choice ${event.index} of ${count}.`)
      if (event.type === 'choice-end') {
        draft.finish = event.finishReason
      } else {
        draft.text += event.text
        draft.tokens.push(...(event.tokens ?? []))
        for (const piece of event.calls ?? []) addPiece(draft.calls, piece)
      }
    }
  }
  if (end === undefined) throw new Error('The engine ended an answer without its usage.')
  const choices = drafts.map(({ text, tokens, finish, calls }) => ({ text, tokens, finishReason: finish, calls }))
  return { choices, usage: end.usage, alignment: end.alignment }
}

/** Puts a piece of a call behind those before it. */
export function addPiece(calls: { name: string; arguments: string }[], piece: ToolCallPiece): void {
  const call = calls[piece.call]
  if (call === undefined) calls.push({ name: piece.name ?? '', arguments: piece.arguments })
  else call.arguments += piece.arguments
}
