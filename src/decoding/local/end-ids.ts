import type { SamplingParams } from '../sampling-params.ts'

/** The tokens that end an answer: the model's own, unless they are to be ignored, and the request's. */
export const endIds = (
  eosTokenIds: readonly number[],
  { ignoreEos, stopTokenIds }: Pick<SamplingParams, 'ignoreEos' | 'stopTokenIds'>,
): readonly number[] => (ignoreEos ? stopTokenIds : [...eosTokenIds, ...stopTokenIds])
