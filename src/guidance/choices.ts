import type { Decoder, Sequence, SequenceRequest } from '../decoding/decoder.ts'
import { childSeed } from '../decoding/rng.ts'
import { mergeStreams } from './merge-streams.ts'
import { sample, streamChoice } from './sample.ts'
import type { Strategy, StrategyEvent } from './strategy.ts'

/**
 * Strategy: n independent samples of one prompt, prefilled once and streamed interleaved. Choice 0 is what `sample` gives;
 * choice i has the stream childSeed(seed, i).
 */
export function choices(n: number): Strategy {
  return n === 1 ? sample : (request, decoder, signal) => sampleChoices(n, request, decoder, signal)
}

async function* sampleChoices(
  n: number,
  request: SequenceRequest,
  decoder: Decoder,
  signal: AbortSignal,
): AsyncGenerator<StrategyEvent> {
  const siblings = new AbortController()
  const stop = AbortSignal.any([signal, siblings.signal])
  const sequences: Sequence[] = [decoder.open({ ...request, forks: n - 1 })]
  try {
    const first = sequences[0]!
    // Forks of an unfilled sequence would each compute the prompt.
    for await (const _ of decoder.advance(first, 0, stop)) {
    }
    for (let i = 1; i < n; i++) sequences.push(decoder.fork(first, childSeed(request.sampling.seed, i)))
    const streams = sequences.map((sequence, index) => streamChoice(sequence, index, decoder, stop))
    yield* mergeStreams(streams, () => siblings.abort())
  } finally {
    for (const sequence of sequences) decoder.release(sequence)
  }
}
