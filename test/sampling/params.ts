import type { SamplingParams } from '../../src/decoding/sampling-params.ts'

/** Plain sampling at temperature 1, with what a test wants otherwise. */
export function samplingParams(changes: Partial<SamplingParams> = {}): SamplingParams {
  return {
    temperature: 1,
    topK: undefined,
    topP: 1,
    minP: 0,
    presencePenalty: 0,
    frequencyPenalty: 0,
    repetitionPenalty: 1,
    logitBias: new Map(),
    seed: 7n,
    maxTokens: 16,
    stop: [],
    stopTokenIds: [],
    ignoreEos: false,
    topLogprobs: undefined,
    trace: false,
    ...changes,
  }
}
