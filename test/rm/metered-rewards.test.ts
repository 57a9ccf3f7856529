import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { MeteredRewards } from '../../src/rm/metered-rewards.ts'
import type { Reward } from '../../src/rm/reward.ts'

const question = { messages: undefined, text: '', references: undefined }
const answer = { text: 'x', ids: undefined, finished: true }

/** Gives the scores it is told to, or throws. */
function scripted(name: string, next: () => readonly number[]): Reward {
  return {
    name,
    traits: { partial: true, range: undefined, relative: false },
    score: async () => next().map((score) => ({ score, attributes: undefined, steps: undefined })),
  }
}

describe('metered rewards', () => {
  it('say what the rewards say, and count it by name', async () => {
    const { rewards, meters } = metered(() => [0.25, 7])
    const verdicts = await rewards.get('a')!.score(question, [answer, answer], new AbortController().signal)
    assert.deepEqual(
      verdicts.map(({ score }) => score),
      [0.25, 7],
    )
    const { a, b } = meters.read()
    assert.deepEqual([a?.calls, a?.answers, a?.failures, a?.scores.sum], [1, 2, 0, 7.25])
    assert.equal(b?.calls, 0)
  })

  it('count a failure for what throws and for what is no number, and keep neither among the scores', async () => {
    let answers: () => readonly number[] = () => [Number.NaN, 1]
    const { rewards, meters } = metered(() => answers())
    const ask = () => rewards.get('a')!.score(question, [answer], new AbortController().signal)
    await ask()
    answers = () => {
      throw new Error('out of memory')
    }
    await assert.rejects(ask(), /out of memory/)
    const { a } = meters.read()
    assert.deepEqual([a?.calls, a?.failures, a?.scores.sum], [2, 2, 1])
  })

  it('do not blame a reward for what the request lacks, nor for a request that was given up', async () => {
    let error: Error = new InvalidRequestError('needs references', 'references')
    const { rewards, meters } = metered(() => {
      throw error
    })
    await assert.rejects(rewards.get('a')!.score(question, [answer], new AbortController().signal))
    error = new Error('aborted')
    await assert.rejects(rewards.get('a')!.score(question, [answer], AbortSignal.abort()))
    assert.deepEqual([meters.read()['a']?.calls, meters.read()['a']?.failures], [2, 0])
  })
})

function metered(next: () => readonly number[]) {
  const meters = new MeteredRewards(
    new Map([
      ['a', scripted('a', next)],
      ['b', scripted('b', () => [])],
    ]),
  )
  return { meters, rewards: meters.rewards }
}
