import type { Decoder, Sequence } from '../src/decoding/decoder.ts'

/** A decoder, and how far its longest sequence has come. */
export interface WatchedDecoder {
  readonly decoder: Decoder
  longest(): number
}

export function watchedDecoder(inner: Decoder): WatchedDecoder {
  const live = new Set<Sequence>()
  let longest = 0
  const watch = (sequence: Sequence): Sequence => {
    live.add(sequence)
    return sequence
  }
  const measure = () => {
    for (const { generatedTokens } of live) longest = Math.max(longest, generatedTokens)
    return longest
  }
  const decoder: Decoder = {
    open: (request) => watch(inner.open(request)),
    advance: (sequence, maxNewTokens, signal) => inner.advance(sequence, maxNewTokens, signal),
    fork: (sequence, seed) => watch(inner.fork(sequence, seed)),
    release: (sequence) => {
      measure()
      live.delete(sequence)
      inner.release(sequence)
    },
  }
  return { decoder, longest: measure }
}
