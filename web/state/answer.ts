import type { ChatEvent, WireAlignment, WireToken } from '../api/chat-stream.ts'

/** One column: how far its answer is. */
export interface Answer {
  readonly status: 'empty' | 'waiting' | 'streaming' | 'done' | 'stopped' | 'failed'
  readonly text: string
  readonly tokens: readonly WireToken[]
  /** What the server said while no text was final yet. */
  readonly progress: string
  readonly alignment: WireAlignment | undefined
  /** That of the answer before, to be shown until this one's is there. */
  readonly previous: WireAlignment | undefined
  readonly finishReason: string | undefined
  readonly error: unknown
  /** Milliseconds from asking to the first text, and to the end. */
  readonly firstMs: number | undefined
  readonly wholeMs: number | undefined
}

export const emptyAnswer: Answer = {
  status: 'empty',
  text: '',
  tokens: [],
  progress: '',
  alignment: undefined,
  previous: undefined,
  finishReason: undefined,
  error: undefined,
  firstMs: undefined,
  wholeMs: undefined,
}

/** The answer after one more event. @param ms since it was asked for */
export function advanced(answer: Answer, event: ChatEvent, ms: number): Answer {
  switch (event.type) {
    case 'progress':
      return { ...answer, progress: event.message }
    case 'text': {
      const fresh =
        answer.status === 'streaming'
          ? answer
          : { ...emptyAnswer, firstMs: ms, previous: answer.alignment ?? answer.previous }
      const tokens = [...fresh.tokens, ...event.tokens]
      return { ...fresh, status: 'streaming', text: fresh.text + event.text, tokens }
    }
    case 'end': {
      const { finishReason, alignment } = event
      // An answer may have no word at all; those of the one before are then not its own.
      const whole = answer.status === 'streaming' ? answer : emptyAnswer
      return { ...whole, status: 'done', finishReason, alignment, progress: '', wholeMs: ms }
    }
  }
}
