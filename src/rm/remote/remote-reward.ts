import { allOrNone } from '../../decoding/upstream/all-or-none.ts'
import { UpstreamError } from '../../decoding/upstream/http/upstream-error.ts'
import { upstreamSays } from '../../decoding/upstream/http/upstream-says.ts'
import type { Answer, Reward, Verdict } from '../reward.ts'
import { RewardError } from '../reward-error.ts'
import { refuseUnfinished } from '../reward-verdicts.ts'
import { type Ask, MalformedReply, type WireFormat } from './wire-format.ts'

/** A reward that an upstream computes; every failure is an error that names both, never a score. */
export function remoteReward(
  name: string,
  format: WireFormat,
  { upstream, batch, ask }: { readonly upstream: string; readonly batch: number; readonly ask: Ask },
): Reward {
  const { traits } = format
  return {
    name,
    traits,
    async score(question, answers, signal) {
      if (!traits.partial) refuseUnfinished(name, answers)
      const size = traits.relative ? answers.length : batch
      try {
        const verdicts = await allOrNone(
          signal,
          inBatches(answers, size).map((some) => (stop: AbortSignal) => format.judge(question, some, ask, stop)),
        )
        return assertRange(verdicts.flat(), traits.range)
      } catch (error) {
        signal.throwIfAborted()
        throw failureOf(name, upstream, error)
      }
    },
  }
}

function inBatches(answers: readonly Answer[], size: number): (readonly Answer[])[] {
  const count = Math.ceil(answers.length / size)
  return Array.from({ length: count }, (_, i) => answers.slice(i * size, (i + 1) * size))
}

/** A score beyond the bounds of its format would count as a probability that it is not. */
function assertRange(verdicts: readonly Verdict[], range: Reward['traits']['range']): readonly Verdict[] {
  if (range === undefined) return verdicts
  const [low, high] = range
  const foreign = verdicts.find(({ score }) => !(low <= score && score <= high) && score !== Number.NEGATIVE_INFINITY)
  if (foreign === undefined) return verdicts
  throw new MalformedReply(`a score of ${foreign.score}, which is not within ${low} and ${high}`)
}

function failureOf(reward: string, upstream: string, error: unknown): unknown {
  if (error instanceof MalformedReply)
    return new RewardError(reward, `the upstream '${upstream}' answered ${error.message}.`)
  if (error instanceof UpstreamError)
    return new RewardError(reward, [error.message, upstreamSays(error)].join(' ').trim())
  return error
}
