import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'

/** Plain sampling at temperature 1, with what a test wants otherwise. */
export function samplingParams(changes: Partial<SamplingParams> = {}): SamplingParams {
  return { ...plainSampling, seed: 7n, maxTokens: 16, ...changes }
}
