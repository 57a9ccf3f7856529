/** How one sequence is drawn from its logits; every field is already validated and explicit. */
export interface SamplingParams {
  /** 0 is argmax with the lowest id on ties. */
  readonly temperature: number
  /** Keep the k most likely tokens; undefined keeps all. */
  readonly topK: number | undefined
  /** Keep the smallest set of tokens whose mass reaches this; 1 keeps all. */
  readonly topP: number
  /** Drop tokens less likely than this share of the most likely one; 0 keeps all. */
  readonly minP: number
  readonly presencePenalty: number
  readonly frequencyPenalty: number
  /** Divides positive and multiplies negative logits of tokens seen in prompt or answer; 1 is off (arXiv 1909.05858). */
  readonly repetitionPenalty: number
  /** Added to the logits of these token ids, before the temperature. */
  readonly logitBias: ReadonlyMap<number, number>
  /** Selects the sequence's own random stream. */
  readonly seed: bigint
  /** Most tokens to draw. */
  readonly maxTokens: number
  /** The answer ends before the first of these strings, which is never shown. */
  readonly stop: readonly string[]
  /** Token ids that end the answer, beside the model's own. */
  readonly stopTokenIds: readonly number[]
  /** Go on after the model's end-of-sequence token. */
  readonly ignoreEos: boolean
  /** How many alternatives each draw reports; undefined: report none and compute no log-probabilities beyond the drawn token's. */
  readonly topLogprobs: number | undefined
  /** Report each context's own log-probability of the drawn token. */
  readonly trace: boolean
}

/** The model's own law: temperature 1, nothing filtered, biased or penalised, nothing reported. */
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
