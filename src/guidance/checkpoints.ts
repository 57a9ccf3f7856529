import type { PartialAnswer } from './partial-answer.ts'
import type { ParticleOptions } from './whole-answer-options.ts'

/**
 * Advances one answer to its next checkpoint, a stopping time of its tokens, so that weights stay exact. Yields whenever the answer
 * may have more text.
 */
export type Segment = (answer: PartialAnswer, signal: AbortSignal) => AsyncGenerator<unknown>

/** What a sentence ends with. */
export const sentenceEnd = /[.!?…]["'”’)\]]*\s*$/

export function segmentOf(options: Pick<ParticleOptions, 'at' | 'resample_every' | 'delimiter'>): Segment {
  const { at, delimiter } = options
  switch (at) {
    case 'tokens':
      return (answer, signal) => answer.stream(options.resample_every ?? 16, signal)
    case 'sentence':
      return until((added) => sentenceEnd.test(added), options.resample_every ?? 1)
    case 'step':
      return until((added) => added.includes(delimiter), options.resample_every ?? 1)
  }
}

/** Token by token until `ends` holds of the text since the last boundary, `times` over. */
function until(ends: (added: string) => boolean, times: number): Segment {
  return async function* (answer, signal) {
    let from = answer.text.length
    for (let found = 0; found < times && !answer.finished; ) {
      yield* answer.stream(1, signal)
      if (!ends(answer.text.slice(from))) continue
      found++
      from = answer.text.length
    }
  }
}
