import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childSeed, uniform } from '../../src/decoding/rng.ts'
import { bestOf } from '../../src/guidance/best-of.ts'
import { bestOfRuns } from '../../src/guidance/best-of-runs.ts'
import { feynmanKac } from '../../src/guidance/feynman-kac.ts'
import {
  choiceSeed,
  resamplingUniforms,
  runSeed,
  runSelectionUniform,
  selectionUniform,
} from '../../src/guidance/random-streams.ts'
import { repeated } from '../../src/guidance/repeated.ts'
import { sample } from '../../src/guidance/sample.ts'
import { softIndex } from '../../src/guidance/selection.ts'
import type { Strategy } from '../../src/guidance/strategy.ts'
import { type BestOfOptions, bestOfOptions } from '../../src/guidance/whole-answer-options.ts'
import { eventsOf, textsOf, toyRequest } from '../guidance/strategy-contract.ts'
import { add, assertSameLaw, enumerated, lawOf, softLaw } from './enumeration.ts'
import {
  particleRuns,
  particles,
  question,
  runOf,
  scrambledReward,
  type ToyReward,
  type ToyWorld,
  tableWorld,
  toyReward,
  variableLength,
} from './particle-runs.ts'
import { ToyDecoder } from './toy-decoder.ts'
import { scrambled } from './toy-request.ts'

/** Numbers as in shared algorithms.md, section 9. */
const reward = toyReward(scrambledReward)
const candidates = (changes: Partial<BestOfOptions>): BestOfOptions => ({
  ...bestOfOptions.parse({ n: 2, reward: 'toy' }),
  ...changes,
})

/** The law of soft best-of-n, its selection integrated out over the candidates reported. */
async function softBestOfLaw(world: ToyWorld, n: number, temperature: number, score: ToyReward = scrambledReward) {
  const options = candidates({ n, select: 'soft', temperature })
  const runs = await enumerated((chance) => runOf(bestOf(options, toyReward(score), question), world, chance))
  const law = new Map<string, number>()
  for (const { probability, result } of runs) {
    const listed = result.outcome.candidates!
    const shares = softLaw(
      listed.map((candidate) => candidate.score!),
      temperature,
    )
    for (const [i, { text, finishReason }] of listed.entries())
      add(law, finishReason === 'stop' ? `${text}$` : text, probability * shares[i]!)
  }
  return law
}

const answerOf = ({ answer }: { readonly answer: string }) => answer

test('particles scored only at the end and drawn by weight are soft best-of at temperature 1 / lambda', async () => {
  const expected = await softBestOfLaw(variableLength, 2, 1 / 1.6)
  for (const potential of ['difference', 'max', 'sum'] as const) {
    const options = particles({ potential, lambda: 1.6, resample_every: 16, ess_threshold: 2 })
    assertSameLaw(lawOf(await particleRuns(variableLength, options, scrambledReward), answerOf), expected, 1e-12)
  }
})

test('particles that never resample are importance sampling: soft best-of too, whatever the potential', async () => {
  const expected = await softBestOfLaw(variableLength, 2, 1 / 1.6)
  for (const potential of ['difference', 'max', 'sum'] as const) {
    const options = particles({ potential, lambda: 1.6, resample_every: 1, ess_threshold: 0 })
    assertSameLaw(lawOf(await particleRuns(variableLength, options, scrambledReward), answerOf), expected, 1e-12)
  }
})

test('particles that never resample, the best chosen: best-of-n, with the same text for every seed', async () => {
  const options = particles({ n: 4, select: 'best', ess_threshold: 0, resample_every: 2 })
  for (let seed = 0n; seed < 20n; seed++) {
    const request = toyRequest({ seed })
    assert.deepEqual(
      textsOf(await eventsOf(feynmanKac(options, reward, question), request)),
      textsOf(await eventsOf(bestOf(candidates({ n: 4 }), reward, question), request)),
    )
  }
})

test('particles drawn by weight and soft best-of choose alike for every seed', async () => {
  const options = particles({ n: 4, lambda: 2, resample_every: 16 })
  const soft = candidates({ n: 4, select: 'soft', temperature: 0.5 })
  for (let seed = 0n; seed < 20n; seed++) {
    const request = toyRequest({ seed })
    assert.deepEqual(
      textsOf(await eventsOf(feynmanKac(options, reward, question), request)),
      textsOf(await eventsOf(bestOf(soft, reward, question), request)),
    )
  }
})

test('one step on log-odds at lambda 1 is soft best-of on log-odds; its_hub is not', async () => {
  const share: ToyReward = (text) => (text === 'a' ? 0.3 : 0.8)
  const logOdds: ToyReward = (text) => Math.log(share(text, true)) - Math.log1p(-share(text, true))
  const world = tableWorld({ '': [0.7, 0.3] }, undefined, 1)
  const expected = await softBestOfLaw(world, 2, 1, logOdds)
  assertSameLaw(lawOf(await particleRuns(world, particles({}), logOdds), answerOf), expected, 1e-12)
  const doubled = lawOf(await particleRuns(world, particles({ compat: 'its_hub' }), share), answerOf)
  assert.ok(doubled.get('b')! > expected.get('b')! + 0.01)
})

test('one candidate, one run, one particle: the plain sample of the same seed', async () => {
  const single: readonly Strategy[] = [
    bestOf(candidates({ n: 1 }), reward, question),
    bestOf(candidates({ n: 1, select: 'soft' }), reward, question),
    feynmanKac(particles({ n: 1, resample_every: 1, ess_threshold: 2 }), reward, question),
    bestOfRuns(candidates({ n: 1 }), reward, question, feynmanKac(particles({ n: 1 }), reward, question)),
  ]
  for (let seed = 0n; seed < 8n; seed++)
    for (const strategy of single)
      assert.deepEqual(
        textsOf(await eventsOf(strategy, toyRequest({ seed }))),
        textsOf(await eventsOf(sample, toyRequest({ seed }))),
      )
})

test('best of runs of single particles has the law of best-of-n', async () => {
  const single = particles({ n: 1 })
  const runs = (strategy: Strategy) => enumerated((chance) => runOf(strategy, variableLength, chance))
  const nested = await runs(bestOfRuns(candidates({ n: 2 }), reward, question, feynmanKac(single, reward, question)))
  const plain = await runs(bestOf(candidates({ n: 2 }), reward, question))
  assertSameLaw(lawOf(nested, answerOf), lawOf(plain, answerOf), 1e-12)
})

/** Records the seeds of every stream that is drawn from. */
class SeedRecorder extends ToyDecoder {
  readonly seeds: bigint[] = []

  override open(...[request]: Parameters<ToyDecoder['open']>) {
    this.seeds.push(request.sampling.seed)
    return super.open(request)
  }

  override fork(...[sequence, seed]: Parameters<ToyDecoder['fork']>) {
    this.seeds.push(seed)
    return super.fork(sequence, seed)
  }
}

test('no two choices, candidates, particles, copies or trial completions of one request share a random stream', async () => {
  const population = particles({
    n: 4,
    resample_every: 1,
    ess_threshold: 2,
    lambda: 5,
    intermediate: 'completions',
    completions: 3,
  })
  const strategy = repeated(
    bestOfRuns(candidates({ n: 3 }), reward, question, feynmanKac(population, reward, question)),
    2,
  )
  const decoder = new SeedRecorder(scrambled, 2)
  await eventsOf(strategy, toyRequest({ maxTokens: 8, ignoreEos: true }), decoder)
  assert.ok(decoder.seeds.length > 2 * 3 * (4 + 7 * 4 * 3), `${decoder.seeds.length} streams`)
  assert.equal(new Set(decoder.seeds).size, decoder.seeds.length)
})

test('what chooses among answers draws from streams of its own', () => {
  const seed = 42n
  const drawn = new Map<number, string>()
  const note = (value: number, what: string) => {
    assert.equal(drawn.get(value), undefined, `${what} draws what ${drawn.get(value)} does`)
    drawn.set(value, what)
  }
  const runs = [0, 1, 2].flatMap((choice) => [0, 1, 2].map((run) => runSeed(choiceSeed(seed, choice), run)))
  for (let choice = 0; choice < 3; choice++) note(runSelectionUniform(choiceSeed(seed, choice)), `choice ${choice}`)
  for (const [run, own] of runs.entries()) {
    note(selectionUniform(own), `selection of run ${run}`)
    for (let i = 0; i < 64; i++) note(uniform(own, i), `token ${i} of run ${run}`)
    for (let i = 1; i < 8; i++) note(uniform(childSeed(own, i), 0), `answer ${i} of run ${run}`)
    for (let checkpoint = 0; checkpoint < 4; checkpoint++) {
      const next = resamplingUniforms(own, checkpoint)
      for (let i = 0; i < 4; i++) note(next(), `resampling ${checkpoint} of run ${run}`)
    }
  }
})

test("the choice among runs is independent of the first run's own choice", async () => {
  const flat = toyReward(() => 0)
  const options = candidates({ n: 2, select: 'soft' })
  const population = feynmanKac(particles({ n: 2 }), flat, question)
  const together = [0, 0, 0, 0]
  const repeats = 400
  for (let seed = 0n; seed < repeats; seed++) {
    const events = await eventsOf(bestOfRuns(options, flat, question, population), toyRequest({ seed, maxTokens: 1 }))
    const end = events.at(-1)
    assert.ok(end?.type === 'choice-end')
    const outer = end.outcome!.candidates!.findIndex(({ chosen }) => chosen)
    const inner = softIndex([0, 0], 1, selectionUniform(seed))!
    together[2 * outer + inner]!++
  }
  // chi squared with three degrees of freedom: beyond 16.3 once in a thousand
  const expected = repeats / 4
  const chi = together.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0)
  assert.ok(chi < 16.3, `${together}`)
})
