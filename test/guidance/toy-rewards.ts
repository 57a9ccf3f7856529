import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import type { Strategy, StrategyEvent } from '../../src/guidance/strategy.ts'
import type { Answer, Reward } from '../../src/rm/reward.ts'
import { RewardError } from '../../src/rm/reward-error.ts'
import { scrambledReward, type ToyReward, toyReward } from '../laws/particle-runs.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { never, toyRequest } from './strategy-contract.ts'

/** A reward that notes what it is asked, and what `note` sees at that moment. */
export function notingReward(
  score: ToyReward = scrambledReward,
  note: (answers: readonly Answer[]) => void = () => {},
) {
  const asked: (readonly Answer[])[] = []
  const inner = toyReward(score)
  const reward: Reward = {
    ...inner,
    score(question, answers, signal) {
      asked.push(answers)
      note(answers)
      return inner.score(question, answers, signal)
    },
  }
  return { reward, asked }
}

/** All events, progress included, with the decoder's state at each. */
export async function timeline(strategy: Strategy, request: SequenceRequest, decoder = new ToyDecoder(scrambled, 2)) {
  const moments: { readonly event: StrategyEvent; readonly live: number; readonly steps: number }[] = []
  for await (const event of strategy(request, decoder, never))
    moments.push({ event, live: decoder.live.size, steps: decoder.steps })
  assert.equal(decoder.live.size, 0, 'a sequence was left behind')
  return moments
}

const broken: Readonly<Record<string, (scores: number[]) => number[]>> = {
  'gives NaN': (scores) => scores.map((score, i) => (i === 0 ? Number.NaN : score)),
  'gives +Infinity': (scores) => scores.map(() => Number.POSITIVE_INFINITY),
  'gives too few': (scores) => scores.slice(1),
  'gives too many': (scores) => [...scores, 0],
  'cannot judge': () => {
    throw new RewardError('toy', 'it cannot.')
  },
}

async function callsOf(strategyWith: (reward: Reward) => Strategy): Promise<number> {
  const { reward, asked } = notingReward()
  await timeline(strategyWith(reward), toyRequest({ ignoreEos: true }))
  return asked.length
}

/** What every strategy with a reward must keep to when that reward fails or the client goes. */
export function judgedStrategyContract(title: string, strategyWith: (reward: Reward) => Strategy): void {
  for (const [what, distort] of Object.entries(broken))
    for (const firstBroken of [1, 2])
      test(`${title}: a reward that ${what} at its call ${firstBroken} fails the request and leaves nothing`, async () => {
        const decoder = new ToyDecoder(scrambled, 2)
        let calls = 0
        const reward: Reward = {
          ...toyReward(scrambledReward),
          async score(_, answers) {
            const scores = answers.map(({ text, finished }) => scrambledReward(text, finished))
            const given = ++calls >= firstBroken ? distort(scores) : scores
            return given.map((score) => ({ score, attributes: undefined, steps: undefined }))
          },
        }
        const run = () => timeline(strategyWith(reward), toyRequest({ ignoreEos: true }), decoder)
        // some ask only once
        if ((await callsOf(strategyWith)) < firstBroken) return
        await assert.rejects(run, RewardError)
        assert.equal(decoder.live.size, 0)
      })

  test(`${title}: an abort at any event or in any judgement surfaces its reason and leaves nothing`, async () => {
    const request = toyRequest({ ignoreEos: true })
    const { reward, asked } = notingReward()
    const events = (await timeline(strategyWith(reward), request)).length
    for (let at = 0; at < events - 1; at++) {
      const decoder = new ToyDecoder(scrambled, 2)
      const gone = new AbortController()
      let seen = 0
      const run = async () => {
        for await (const _ of strategyWith(toyReward(scrambledReward))(request, decoder, gone.signal))
          if (seen++ === at) gone.abort(new Error('client gone'))
      }
      // all tokens may be drawn and judged already; then what was left to say is said
      await run().catch((error) => assert.match(String(error), /client gone/))
      assert.equal(decoder.live.size, 0, `after event ${at}`)
    }
    const judgements = asked.length
    for (let at = 0; at < judgements; at++) {
      const decoder = new ToyDecoder(scrambled, 2)
      const gone = new AbortController()
      let calls = 0
      const leaving: Reward = {
        ...toyReward(scrambledReward),
        async score(question, answers, signal) {
          if (calls++ === at) gone.abort(new Error('client gone'))
          signal.throwIfAborted()
          return await reward.score(question, answers, signal)
        },
      }
      const run = async () => {
        for await (const _ of strategyWith(leaving)(request, decoder, gone.signal));
      }
      await assert.rejects(run, /client gone/)
      assert.equal(decoder.live.size, 0, `in judgement ${at}`)
    }
  })

  test(`${title}: a consumer that leaves at any event leaves nothing`, async () => {
    const request = toyRequest({ ignoreEos: true })
    const strategy = strategyWith(toyReward(scrambledReward))
    const events = (await timeline(strategy, request)).length
    for (let at = 0; at < events; at++) {
      const decoder = new ToyDecoder(scrambled, 2)
      let seen = 0
      for await (const _ of strategy(request, decoder, never)) if (seen++ === at) break
      assert.equal(decoder.live.size, 0, `after event ${at}`)
    }
  })

  test(`${title}: what it says it generated is what was drawn`, async () => {
    for (let seed = 0n; seed < 10n; seed++) {
      const decoder = new ToyDecoder(scrambled, 2)
      const { reward, asked } = notingReward()
      const moments = await timeline(strategyWith(reward), toyRequest({ seed }), decoder)
      const ends = moments.flatMap(({ event }) => (event.type === 'choice-end' ? [event] : []))
      assert.equal(
        ends.reduce((sum, { generatedTokens }) => sum + generatedTokens, 0),
        decoder.steps,
      )
      assert.equal(
        ends.reduce((sum, { outcome }) => sum + outcome!.rewardCalls, 0),
        asked.flat().length,
      )
    }
  })
}
