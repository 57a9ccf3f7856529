import type { Segment } from './checkpoints.ts'
import { mergeStreams } from './merge-streams.ts'
import type { PartialAnswer } from './partial-answer.ts'

/**
 * Advances all answers together, in the same engine steps, and yields each as it arrives. When one fails or the consumer
 * leaves, the others have stopped before this ends.
 */
export async function* advanceAll<A extends PartialAnswer>(
  answers: readonly A[],
  segment: Segment,
  signal: AbortSignal,
): AsyncGenerator<A> {
  const siblings = new AbortController()
  const stop = AbortSignal.any([signal, siblings.signal])
  yield* mergeStreams(
    answers.map((answer) => advanceOne(answer, segment, stop)),
    () => siblings.abort(),
  )
}

async function* advanceOne<A extends PartialAnswer>(answer: A, segment: Segment, signal: AbortSignal) {
  await segment(answer, signal)
  yield answer
}

/** The segment that ends where the answer does. */
export const toTheEnd =
  (maxTokens: number): Segment =>
  (answer, signal) =>
    answer.advance(maxTokens - answer.generatedTokens, signal)
