import type { SamplingParams } from '../src/decoding/sampling-params.ts'

/** The model's own law: temperature 1, nothing filtered, biased or penalised. */
export const plainSampling: Omit<SamplingParams, 'seed' | 'maxTokens'> = {
  temperature: 1,
  topK: undefined,
  topP: 1,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  logitBias: new Map(),
  stop: [],
  stopTokenIds: [],
  ignoreEos: false,
  topLogprobs: undefined,
  trace: false,
}
