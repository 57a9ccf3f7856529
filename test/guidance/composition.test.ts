import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bestOf } from '../../src/guidance/best-of.ts'
import { bestOfRuns } from '../../src/guidance/best-of-runs.ts'
import { feynmanKac } from '../../src/guidance/feynman-kac.ts'
import { repeated } from '../../src/guidance/repeated.ts'
import type { ChoiceEvent, Strategy } from '../../src/guidance/strategy.ts'
import { bestOfOptions } from '../../src/guidance/whole-answer-options.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { particles, question, scrambledReward, toyReward } from '../laws/particle-runs.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { eventsOf, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'
import { judgedStrategyContract } from './toy-rewards.ts'

const reward = toyReward(scrambledReward)
const two = bestOfOptions.parse({ n: 2, reward: 'toy' })
const population = (judge: Reward) =>
  feynmanKac(particles({ n: 2, resample_every: 1, ess_threshold: 2, lambda: 2 }), judge, question)
const runs = (judge: Reward): Strategy => bestOfRuns(two, judge, question, population(judge))

const compositions: Readonly<Record<string, readonly [strategyWith: (judge: Reward) => Strategy, choices: number]>> = {
  'best of two runs of particles': [runs, 1],
  'two choices, each the best of two': [(judge) => repeated(bestOf(two, judge, question), 2), 2],
  'two choices, each of particles': [(judge) => repeated(population(judge), 2), 2],
  'two choices, each the best of two runs of particles': [(judge) => repeated(runs(judge), 2), 2],
}
for (const [title, [strategyWith, count]] of Object.entries(compositions)) {
  strategyContract(title, strategyWith(reward), count)
  judgedStrategyContract(title, strategyWith)
}

const endsOf = (events: readonly ChoiceEvent[]) =>
  events.flatMap((event) => (event.type === 'choice-end' ? [event] : [])).sort((a, b) => a.index - b.index)

test('the first choice is what the strategy alone gives; the others differ from it', async () => {
  let different = 0
  for (const [strategyWith] of [[population], [runs], [(judge: Reward) => bestOf(two, judge, question)]] as const)
    for (let seed = 0n; seed < 8n; seed++) {
      const request = toyRequest({ seed, ignoreEos: true, maxTokens: 8 })
      const alone = textsOf(await eventsOf(strategyWith(reward), request))
      const texts = textsOf(await eventsOf(repeated(strategyWith(reward), 3), request))
      assert.equal(texts[0], alone[0])
      different += new Set(texts).size
    }
  assert.ok(different > 60, `${different} different texts among 72`)
})

test('the runs of all choices are different ones', async () => {
  for (let seed = 0n; seed < 10n; seed++) {
    const request = toyRequest({ seed, ignoreEos: true, maxTokens: 12 })
    const texts = endsOf(await eventsOf(repeated(runs(reward), 2), request)).flatMap(({ outcome }) =>
      outcome!.candidates!.map(({ text }) => text),
    )
    assert.equal(texts.length, 4)
    assert.equal(new Set(texts).size, 4, `${texts}`)
  }
})

test('the best of runs: the chosen run’s answer and report, the cost of all', async () => {
  for (let seed = 0n; seed < 10n; seed++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const events = await eventsOf(runs(reward), toyRequest({ seed }), decoder)
    const [end] = endsOf(events)
    const { candidates, particles: report, reward: score } = end!.outcome!
    const best = candidates!.find(({ chosen }) => chosen)!
    assert.equal(best.text, textsOf(events)[0])
    assert.equal(best.score, score)
    assert.equal(score, Math.max(...candidates!.map((candidate) => candidate.score!)))
    assert.equal(report!.n, 2)
    assert.equal(end!.generatedTokens, decoder.steps)
  }
})
