import { mergeStreams } from './merge-streams.ts'
import type { PartialAnswer } from './partial-answer.ts'

/** How far one answer is to go. */
type Advance<A> = (answer: A, signal: AbortSignal) => Promise<void>

/**
 * Advances all answers together, in the same engine steps, and yields each as it arrives. When one fails or the consumer
 * leaves, the others have stopped before this ends.
 */
export function advanceAll<A extends PartialAnswer>(answers: readonly A[], advance: Advance<A>, signal: AbortSignal) {
  return streamAll(
    answers,
    async function* (answer, stop) {
      await advance(answer, stop)
      yield answer
    },
    signal,
  )
}

/** The same, piece by piece: yields what the answers' streams yield, as it comes. */
export async function* streamAll<A extends PartialAnswer, T>(
  answers: readonly A[],
  stream: (answer: A, signal: AbortSignal) => AsyncGenerator<T>,
  signal: AbortSignal,
): AsyncGenerator<T> {
  const siblings = new AbortController()
  const stop = AbortSignal.any([signal, siblings.signal])
  yield* mergeStreams(
    answers.map((answer) => stream(answer, stop)),
    () => siblings.abort(),
  )
}

/** Up to where the answer ends. */
export const toTheEnd =
  (maxTokens: number): Advance<PartialAnswer> =>
  (answer, signal) =>
    answer.advance(maxTokens - answer.generatedTokens, signal)
