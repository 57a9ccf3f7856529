import type { LoadedModel } from '../decoding/local/engine-options.ts'
import {
  answerIdsOf,
  type CausalReader,
  type CausalScorer,
  findReader,
  promptIdsOf,
  readTokens,
} from './causal-scorer.ts'
import { oneByOne } from './implicit.ts'
import type { Answer, Reward } from './reward.ts'
import { plainVerdict } from './reward-verdicts.ts'

export interface ArmOptions {
  readonly reader: CausalReader
  /** Whether the sum is divided by the number of tokens. The sum is GenARM's; it favours short answers. */
  readonly perToken: boolean
  /** Whether the end-of-sequence token behind a finished answer counts; without it the empty answer is the best of all. */
  readonly endToken: boolean
}

/**
 * log pi_r(y | x): the sum of an autoregressive reward model's log-probabilities over the answer, which is the reward it was
 * trained as (GenARM, arXiv 2410.08193). It reads the messages through its own chat template.
 * @throws CheckpointError for a model that is not loaded
 */
export function armReward(name: string, options: ArmOptions, scorer: CausalScorer): Reward {
  const { reader } = options
  const model = findReader(name, reader, scorer)
  return {
    name,
    traits: { partial: true, range: [Number.NEGATIVE_INFINITY, 0], relative: false },
    score: (question, answers, signal) =>
      oneByOne(answers, signal, async (answer) => {
        const promptIds = promptIdsOf(name, question, reader.principle, model)
        const ids = [...answerIdsOf(name, answer, model), ...endOf(answer, options, model)]
        const logprobs = await readTokens(name, reader, promptIds, ids, scorer, signal)
        const sum = logprobs.reduce((total, logprob) => total + logprob, 0)
        return plainVerdict(options.perToken ? sum / Math.max(1, ids.length) : sum)
      }),
  }
}

function endOf(answer: Answer, { endToken }: ArmOptions, { tokenizer, eosTokenIds }: LoadedModel): readonly number[] {
  const id = tokenizer.eosTokenId ?? eosTokenIds[0]
  return endToken && answer.finished && id !== undefined ? [id] : []
}
