import type { Decoder, Sequence, SequenceRequest } from '../decoding/decoder.ts'
import type { StrategyEvent } from './strategy.ts'

/** Strategy: one sequence, streamed as it is drawn. */
export async function* sample(
  request: SequenceRequest,
  decoder: Decoder,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  const sequence = decoder.open(request)
  try {
    yield* streamChoice(sequence, 0, decoder, signal)
  } finally {
    decoder.release(sequence)
  }
}

/** Advances an open sequence to its end, as the choice `index`. The caller releases it. */
export async function* streamChoice(
  sequence: Sequence,
  index: number,
  decoder: Decoder,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  let returnedTokens = 0
  for await (const { text, draws } of decoder.advance(sequence, sequence.request.sampling.maxTokens, signal)) {
    returnedTokens += draws.length
    if (text !== '' || draws.length > 0) yield { type: 'choice-delta', index, text, draws }
  }
  const { finishReason, endDraw, generatedTokens, cachedTokens } = sequence
  if (finishReason === undefined) throw new Error('The decoder left a sequence unfinished.')
  yield { type: 'choice-end', index, finishReason, endDraw, returnedTokens, generatedTokens, cachedTokens }
}
