import type { SamplingParams } from './sampling-params.ts'

/** The tokens that end an answer: the request's, and the model's own unless they are to be ignored. */
export function endIds(
  eosTokenIds: readonly number[],
  { ignoreEos, stopTokenIds }: Pick<SamplingParams, 'ignoreEos' | 'stopTokenIds'>,
): readonly number[] {
  if (ignoreEos) return stopTokenIds
  // asked for at every token, and hardly ever needs a list of its own
  return stopTokenIds.length === 0 ? eosTokenIds : [...new Set([...stopTokenIds, ...eosTokenIds])]
}
