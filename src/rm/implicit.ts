import type { TokenizerAdapter } from '../decoding/checkpoint/tokenizer.ts'
import { CheckpointError } from '../decoding/errors.ts'
import {
  answerIdsOf,
  type CausalReader,
  type CausalScorer,
  findReader,
  promptIdsOf,
  readTokens,
} from './causal-scorer.ts'
import type { Answer, Question, Reward, Verdict } from './reward.ts'
import { sumsBySteps } from './token-steps.ts'

export interface ImplicitOptions {
  /** pi: the model that was trained, or given a principle. */
  readonly policy: CausalReader
  /** pi_ref: what it was trained from; of the same vocabulary. */
  readonly reference: CausalReader
  /** Scales the reward. */
  readonly beta: number
  /** What steps end with. */
  readonly separator: string
}

/**
 * beta * sum over the answer's tokens of log(pi / pi_ref): the reward that a model trained by preference holds implicitly, and
 * of each step its share, which add up to the score (implicit process reward, arXiv 2412.01981). Both models read the same
 * tokens behind the same prompt, the policy's template; the end-of-sequence token is not counted.
 * @throws CheckpointError for a model that is not loaded, or two vocabularies
 */
export function implicitReward(name: string, options: ImplicitOptions, scorer: CausalScorer): Reward {
  const { policy, reference, beta, separator } = options
  const model = findReader(name, policy, scorer)
  const { tokenizer, source } = findReader(name, reference, scorer)
  assertSameVocabulary(name, model.tokenizer, tokenizer, source)
  const promptOf = (question: Question, { principle }: CausalReader) => promptIdsOf(name, question, principle, model)
  async function judge(question: Question, answer: Answer, signal: AbortSignal): Promise<Verdict> {
    const ids = answerIdsOf(name, answer, model)
    const [pi, piRef] = [
      await readTokens(name, policy, promptOf(question, policy), ids, scorer, signal),
      await readTokens(name, reference, promptOf(question, reference), ids, scorer, signal),
    ]
    const rewards = pi.map((logprob, i) => beta * (logprob - piRef[i]!))
    const steps = sumsBySteps(rewards, ids, answer.text, separator, model.tokenizer)
    return { score: steps.reduce((sum, step) => sum + step, 0), attributes: undefined, steps }
  }
  return {
    name,
    traits: { partial: true, range: undefined, relative: false },
    score: (question, answers, signal) => oneByOne(answers, signal, (answer) => judge(question, answer, signal)),
  }
}

/** In turn, so that a failure leaves nothing behind that still computes. */
export async function oneByOne(
  answers: readonly Answer[],
  signal: AbortSignal,
  judge: (answer: Answer) => Promise<Verdict>,
): Promise<readonly Verdict[]> {
  signal.throwIfAborted()
  const verdicts: Verdict[] = []
  for (const answer of answers) verdicts.push(await judge(answer))
  return verdicts
}

function assertSameVocabulary(reward: string, one: TokenizerAdapter, other: TokenizerAdapter, source: string): void {
  for (let id = 0; id < Math.max(one.size, other.size); id++) {
    if (one.tokenOf(id) === other.tokenOf(id)) continue
    const [policy, reference] = [one, other].map((tokenizer) => JSON.stringify(tokenizer.tokenOf(id) ?? null))
    throw new CheckpointError(
      source,
      `the reward '${reward}' compares two models token by token, but token ${id} is ${policy} to its policy and ${reference} to its reference`,
    )
  }
}
