import { plainSampling } from '../src/decoding/sampling-params.ts'
import type { EvaluatedModel } from './evaluated-model.ts'

/**
 * log p(answer, end token included | prompt) under the base, token by token, as the engine itself computes it: each token is
 * asked for behind everything before it, with a bias that leaves the draw no choice. Prefixes come from the prefix cache.
 */
export async function forcedLogprobs(
  model: EvaluatedModel,
  prompt: string,
  answer: string,
): Promise<readonly number[]> {
  const { engine, name } = model
  const { tokenizer, eosTokenIds } = engine.models.get(name)!
  const promptIds = engine.directory.renderAndEncode(name, [{ role: 'user', content: prompt }])
  const answerIds = [...tokenizer.encode(answer, false), eosTokenIds[0]!]
  const logprobs: number[] = []
  for (const [index, id] of answerIds.entries()) {
    logprobs.push(await forcedLogprob(model, [...promptIds, ...answerIds.slice(0, index)], id))
  }
  return logprobs
}

async function forcedLogprob({ engine, name }: EvaluatedModel, promptIds: readonly number[], id: number) {
  const sequence = engine.decoder.open({
    terms: [{ model: name, adapter: undefined, promptIds, coefficient: 1 }],
    sampling: {
      ...plainSampling,
      seed: 0n,
      maxTokens: 1,
      ignoreEos: true,
      trace: true,
      logitBias: new Map([[id, 1e6]]),
    },
  })
  try {
    for await (const { draws } of engine.decoder.advance(sequence, 1, new AbortController().signal)) {
      for (const { termLogprobs } of draws) return termLogprobs![0]!
    }
    throw new Error('The engine drew no token.')
  } finally {
    engine.decoder.release(sequence)
  }
}
