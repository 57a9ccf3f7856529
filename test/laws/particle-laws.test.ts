import assert from 'node:assert/strict'
import { test } from 'node:test'
import { feynmanKac } from '../../src/guidance/feynman-kac.ts'
import type { PotentialKind } from '../../src/guidance/potentials.ts'
import type { Resampler } from '../../src/guidance/resampling.ts'
import { sample } from '../../src/guidance/sample.ts'
import type { ParticleOptions } from '../../src/guidance/whole-answer-options.ts'
import { eventsOf, textsOf, toyRequest } from '../guidance/strategy-contract.ts'
import { softmax } from '../sampling/law-of-draw.ts'
import { answerLaw } from './enumerating-decoder.ts'
import { assertNear, assertSameLaw, lawOf, mean, type Outcome } from './enumeration.ts'
import {
  fixedLength,
  particleRuns,
  particles,
  question,
  type Run,
  scrambledReward,
  type ToyReward,
  type ToyWorld,
  tableWorld,
  toyReward,
  variableLength,
} from './particle-runs.ts'
import { mixedRow } from './toy-decoder.ts'
import { tableModel } from './toy-models.ts'

const potentials: readonly PotentialKind[] = ['difference', 'max', 'sum']
const resamplers: readonly Resampler[] = ['systematic', 'stratified', 'multinomial', 'residual']
const thresholds = { never: 0, adaptive: 0.95, always: 2 }
const no = Number.NEGATIVE_INFINITY

const textOf = (answer: string) => answer.replace('$', '')

/** The law the world's terms are drawn from. */
const baseLaw = ({ models, terms, eos, maxTokens }: ToyWorld) =>
  answerLaw((prefix) => softmax(mixedRow(terms, prefix, models)), eos, maxTokens)

/** p(y) * exp(lambda * reward(y)) of every answer y: what Z times its estimated law must be on average. */
function tilted(law: ReadonlyMap<string, number>, lambda: number, score: ToyReward): Map<string, number> {
  return new Map(
    [...law].map(([answer, p]) => {
      const reward = score(textOf(answer), true)
      return [answer, reward === no ? 0 : p * Math.exp(lambda * reward)]
    }),
  )
}

/** E[Zhat * 1{the answer drawn by the final weights is y}] = E[Zhat * sum of the weights at y], for every y. */
function estimated(runs: readonly Outcome<Run>[]): Map<string, number> {
  const weighed = runs.map(({ probability, result }) => ({
    probability: probability * Math.exp(result.outcome.particles!.logZ!),
    result,
  }))
  return lawOf(weighed, ({ answer }) => answer)
}

/** Z and all expectations at once: they are sums over the answers. */
async function assertUnbiased(
  world: ToyWorld,
  options: Partial<ParticleOptions>,
  target = tilted(baseLaw(world), options.lambda ?? 1, scrambledReward),
  score: ToyReward = scrambledReward,
): Promise<readonly Outcome<Run>[]> {
  const runs = await particleRuns(world, particles(options), score)
  for (const { result } of runs) {
    const { logZ, steps } = result.outcome.particles!
    assert.ok(logZ! < Number.POSITIVE_INFINITY)
    for (const { rewards } of steps) for (const reward of rewards!) assert.ok(reward < Number.POSITIVE_INFINITY)
  }
  assertSameLaw(estimated(runs), target, 1e-10)
  return runs
}

for (const potential of potentials)
  for (const resampler of resamplers)
    for (const [schedule, ess_threshold] of Object.entries(thresholds))
      test(`unbiased: ${potential}, ${resampler}, ${schedule}, answers that end at different times`, async () => {
        const options = { potential, resampler, ess_threshold, resample_every: 1, lambda: 1.3 }
        const runs = await assertUnbiased(variableLength, options)
        const resampled = mean(runs, ({ outcome }) => outcome.particles!.steps.filter((step) => step.resampled).length)
        if (schedule === 'never') assert.equal(resampled, 0)
        else assert.ok(resampled > 0.2, `${resampled} resamplings on average`)
      })

const schedules: Readonly<Record<string, Partial<ParticleOptions>>> = {
  'every two tokens': { resample_every: 2 },
  'at each a': { at: 'step', delimiter: 'a' },
  'at every second b': { at: 'step', delimiter: 'b', resample_every: 2 },
}

for (const potential of potentials)
  for (const [schedule, at] of Object.entries(schedules))
    test(`unbiased: ${potential}, ${schedule}, answers of one length`, async () => {
      await assertUnbiased(fixedLength, { potential, ...at, ess_threshold: 2, lambda: -0.8 })
    })

/** Two tokens at most. */
const brief = tableWorld({ '': [0.7, 0.3, 0], '0': [0.4, 0, 0.6], '1': [1, 0, 0] }, 2, 2)

for (const resampler of ['systematic', 'multinomial'] as const)
  test(`unbiased with three particles: ${resampler}`, async () => {
    const runs = await assertUnbiased(brief, { n: 3, resampler, ess_threshold: 2, resample_every: 1, lambda: 2 })
    for (const { result } of runs) assert.equal(result.outcome.particles!.steps[0]!.rewards!.length, 3)
  })

for (const potential of potentials)
  test(`unbiased with sampled completions as intermediate reward: ${potential}`, async () => {
    const options = {
      potential,
      ess_threshold: 2,
      resample_every: 1,
      intermediate: 'completions',
      completions: 2,
    } as const
    await assertUnbiased(tableWorld({ '': [0.6, 0.4], '0': [0.3, 0.7], '1': [1, 0] }, undefined, 2), {
      ...options,
      lambda: 1.7,
    })
  })

test('a beginning judged by completions has (1 / lambda) log mean exp(lambda r), for either sign of lambda', async () => {
  const world = tableWorld({ '': [1, 0], '0': [0.5, 0.5] }, undefined, 2)
  const score: ToyReward = (text) => (text === 'aa' ? 0.2 : 1)
  for (const lambda of [3, -3]) {
    const options = particles({ n: 1, lambda, resample_every: 1, intermediate: 'completions', completions: 2 })
    const both = Math.log((Math.exp(0.2 * lambda) + Math.exp(lambda)) / 2) / lambda
    const runs = await particleRuns(world, options, score)
    for (const [value, p] of [
      [0.2, 0.25],
      [both, 0.5],
      [1, 0.25],
    ] as const) {
      const near = ({ outcome }: Run) => Math.abs(outcome.particles!.steps[0]!.rewards![0]! - value) < 1e-12
      assertNear(
        mean(runs, (run) => Number(near(run))),
        p,
        1e-12,
        `a reward of ${value}`,
      )
    }
  }
})

test('unbiased with sampled completions where some answers end early and some are forbidden, for either sign of lambda', async () => {
  const score: ToyReward = (text, finished) => (text === 'b' ? no : scrambledReward(text, finished))
  const world = tableWorld({ '': [0.6, 0.4], '0': [0.3, 0, 0.7], '1': [0, 0, 1] }, 2, 2)
  for (const lambda of [1.5, -1.5]) {
    const options = {
      ess_threshold: 2,
      resample_every: 1,
      intermediate: 'completions',
      completions: 2,
      lambda,
    } as const
    await assertUnbiased(world, options, tilted(baseLaw(world), lambda, score), score)
  }
})

test('lambda 0: the base law, never resampled, whatever the threshold up to 1', async () => {
  for (const potential of potentials) {
    const options = particles({ potential, lambda: 0, ess_threshold: 1, resample_every: 1 })
    const runs = await particleRuns(variableLength, options, scrambledReward)
    assertSameLaw(
      lawOf(runs, ({ answer }) => answer),
      baseLaw(variableLength),
      1e-12,
    )
    for (const { result } of runs) {
      assertNear(result.outcome.particles!.logZ!, 0, 1e-12)
      for (const { resampled, effectiveSampleSize } of result.outcome.particles!.steps) {
        assert.equal(resampled, false)
        assertNear(effectiveSampleSize, 2, 1e-12)
      }
    }
  }
})

test('equal weights never resample at threshold 1, for any number of particles', async () => {
  for (const n of [5, 6, 10, 12, 13, 19, 24]) {
    const options = particles({ n, ess_threshold: 1, resample_every: 1 })
    const strategy = feynmanKac(
      options,
      toyReward(() => 0.3),
      question,
    )
    const events = await eventsOf(strategy, toyRequest({ maxTokens: 3 }))
    const end = events.at(-1)
    assert.ok(end?.type === 'choice-end')
    assert.deepEqual(
      end.outcome!.particles!.steps.filter(({ resampled }) => resampled),
      [],
    )
  }
})

test("one particle: the base's sample of the same seed", async () => {
  for (const potential of potentials)
    for (let seed = 0n; seed < 8n; seed++) {
      const options = particles({ n: 1, potential, resample_every: 1, ess_threshold: 2, lambda: 3 })
      const request = toyRequest({ seed, maxTokens: 8 })
      const texts = textsOf(await eventsOf(feynmanKac(options, toyReward(scrambledReward), question), request))
      assert.deepEqual(texts, textsOf(await eventsOf(sample, request)))
    }
})

/** Base, guide and a second guide, whose laws differ everywhere. */
const guided = (coefficients: readonly [number, number, number], eos: number | undefined): ToyWorld => {
  const tables = [
    { '': [0.6, 0.3, 0.1], '0': [0.5, 0.2, 0.3], '1': [0.3, 0.1, 0.6] },
    { '': [0.2, 0.5, 0.3], '0': [0.1, 0.8, 0.1], '1': [0.4, 0.4, 0.2] },
    { '': [0.3, 0.3, 0.4], '0': [0.6, 0.1, 0.3], '1': [0.2, 0.5, 0.3] },
  ]
  const names = ['base', 'guide', 'other']
  const cut = (row: number[]) => (eos === undefined ? row.slice(0, 2) : row)
  return {
    models: new Map(
      names.map((name, i) => [
        name,
        tableModel(Object.fromEntries(Object.entries(tables[i]!).map(([prefix, row]) => [prefix, cut(row)]))),
      ]),
    ),
    eos,
    maxTokens: 2,
    terms: names.map((model, i) => ({
      model,
      adapter: undefined,
      promptIds: [0],
      coefficient: coefficients[i]!,
    })),
  }
}

/** product over terms of law_k(y)^coefficient_k of whole answers, not normalised: the global target without reward. */
function globalProduct(world: ToyWorld): Map<string, number> {
  const laws = world.terms.map((term) => baseLaw({ ...world, terms: [{ ...term, coefficient: 1 }] }))
  return new Map(
    [...laws[0]!.keys()].map((answer) => [
      answer,
      world.terms.reduce((product, { coefficient }, k) => product * laws[k]!.get(answer)! ** coefficient, 1),
    ]),
  )
}

test('guides as base law: unbiased for the locally normalised guided law tilted by the reward', async () => {
  await assertUnbiased(guided([1, 0.8, -0.5], 2), { ess_threshold: 2, resample_every: 1, lambda: 1.1 })
})

for (const coefficients of [
  [1, 1, 0],
  [1, 0.7, -0.4],
  [0, 1, 0.5],
] as const)
  for (const lambda of [0, 1.2])
    test(`target 'global': the guided law as proposal, weights ${coefficients}, lambda ${lambda}`, async () => {
      const world = guided(coefficients, 2)
      const target = tilted(globalProduct(world), lambda, scrambledReward)
      await assertUnbiased(world, { target: 'global', ess_threshold: 2, resample_every: 1, lambda }, target)
    })

test("target 'global': a context of coefficient 0 counts for nothing, not even where it forbids a token", async () => {
  const world = guided([1, 1, 0], 2)
  const blind = new Map(world.models).set('other', { logits: () => Float64Array.of(0, no, no) })
  const target = tilted(globalProduct(world), 1.2, scrambledReward)
  const options = { target: 'global', ess_threshold: 2, resample_every: 1, lambda: 1.2 } as const
  await assertUnbiased({ ...world, models: blind }, options, target)
})

test("golden: target 'global' of two tokens has Z = .314", async () => {
  const tables = [
    { '': [0.6, 0.4], '0': [0.5, 0.5], '1': [0.9, 0.1] },
    { '': [0.5, 0.5], '0': [0.2, 0.8], '1': [0.9, 0.1] },
  ]
  const world: ToyWorld = {
    models: new Map(tables.map((table, i) => [`${i}`, tableModel(table)])),
    eos: undefined,
    maxTokens: 2,
    terms: tables.map((_, i) => ({ model: `${i}`, adapter: undefined, promptIds: [0], coefficient: 1 })),
  }
  const local = await particleRuns(world, particles({ lambda: 0 }), scrambledReward)
  const localLaw = { aa: 0.12, ab: 0.48, ba: 0.395121951, bb: 0.004878049 }
  assertSameLaw(
    lawOf(local, ({ answer }) => answer),
    new Map(Object.entries(localLaw)),
    1e-9,
  )
  const options = particles({ lambda: 0, target: 'global', resample_every: 1, ess_threshold: 2 })
  const runs = estimated(await particleRuns(world, options, scrambledReward))
  assertNear(
    [...runs.values()].reduce((sum, mass) => sum + mass, 0),
    0.314,
    1e-12,
  )
  const globalLaw = { aa: 0.095541401, ab: 0.382165605, ba: 0.515923567, bb: 0.006369427 }
  for (const [answer, p] of Object.entries(globalLaw)) assertNear(runs.get(answer)! / 0.314, p, 1e-9)
})

const forbidden: ToyReward = (text, finished) =>
  finished && text.startsWith('a') ? no : scrambledReward(text, finished)

for (const lambda of [1.3, -1.3])
  test(`answers at -Infinity are never drawn, and the others stay unbiased (lambda ${lambda})`, async () => {
    const target = tilted(baseLaw(variableLength), lambda, forbidden)
    for (const potential of potentials)
      for (const ess_threshold of [0, 2]) {
        const options = { potential, ess_threshold, resample_every: 1, lambda }
        const runs = await assertUnbiased(variableLength, options, target, forbidden)
        const collapsed = mean(runs, ({ outcome }) => Number(outcome.particles!.collapsed))
        assert.ok(collapsed > 0 && collapsed < 1, `${collapsed} of the runs collapse`)
        for (const { result } of runs)
          if (!result.outcome.particles!.collapsed) assert.ok(!result.answer.startsWith('a'), result.answer)
      }
  })

test('a beginning at -Infinity takes every answer that passes it out of the target', async () => {
  const score: ToyReward = (text, finished) => (!finished && text === 'a' ? no : scrambledReward(text, finished))
  const law = baseLaw(fixedLength)
  const left = new Map([...law].filter(([answer]) => !answer.startsWith('a')))
  for (const ess_threshold of [0, 2])
    await assertUnbiased(
      fixedLength,
      { ess_threshold, resample_every: 1, lambda: 0.9 },
      tilted(left, 0.9, scrambledReward),
      score,
    )
})

test('everything at -Infinity: collapsed, log Z -Infinity, never NaN, and still an answer', async () => {
  for (const select of ['best', 'sample'] as const)
    for (const lambda of [2, -2]) {
      const options = particles({ select, lambda, ess_threshold: 2, resample_every: 1 })
      for (const { result } of await particleRuns(variableLength, options, () => no)) {
        const { collapsed, logZ, steps } = result.outcome.particles!
        assert.deepEqual([collapsed, logZ], [true, no])
        for (const { effectiveSampleSize, resampled } of steps)
          assert.deepEqual([effectiveSampleSize, resampled], [0, false])
        assert.ok(baseLaw(variableLength).has(result.answer))
      }
    }
})

test("compat 'fkd': a beginning at -Infinity leaves numbers, never NaN", async () => {
  for (const potential of potentials) {
    const options = particles({ compat: 'fkd', potential, ess_threshold: 0.6, resample_every: 1 })
    for (const { result } of await particleRuns(variableLength, options, (text) => (text === 'a' ? no : 0.5)))
      for (const { effectiveSampleSize } of result.outcome.particles!.steps)
        assert.ok(effectiveSampleSize >= 0 && effectiveSampleSize <= 2 + 1e-9, `${effectiveSampleSize}`)
  }
})

test("compat 'fkd' drops the weights that it did not resample by", async () => {
  const options = particles({ compat: 'fkd', ess_threshold: 0, resample_every: 1, lambda: 1.3 })
  const runs = await particleRuns(fixedLength, options, scrambledReward)
  const last = ([...answer]: string) =>
    Math.exp(1.3 * (scrambledReward(answer.join(''), true) - scrambledReward(answer.slice(0, -1).join(''), false)))
  const law = [...baseLaw(fixedLength)]
  const expected = new Map<string, number>()
  for (const [one, p] of law)
    for (const [other, q] of law)
      expected.set(one, (expected.get(one) ?? 0) + (2 * p * q * last(one)) / (last(one) + last(other)))
  assertSameLaw(
    lawOf(runs, ({ answer }) => answer),
    expected,
    1e-10,
  )
  for (const { result } of runs) assert.equal(result.outcome.particles!.logZ, undefined)
})

test("compat 'its_hub' counts the last weights twice: among two, w^2 (3 - 2 w) instead of w", async () => {
  const score: ToyReward = (text) => ({ a: 0.2, b: 0.9 })[text]!
  const world = tableWorld({ '': [0.7, 0.3] }, undefined, 1)
  const runs = await particleRuns(world, particles({ compat: 'its_hub' }), score)
  const odds = (s: number) => s / (1 - s)
  const w = odds(0.9) / (odds(0.2) + odds(0.9))
  const b = 0.3 * 0.3 + 2 * 0.3 * 0.7 * w * w * (3 - 2 * w)
  assertSameLaw(
    lawOf(runs, ({ answer }) => answer),
    new Map([
      ['a', 1 - b],
      ['b', b],
    ]),
    1e-10,
  )
  for (const { result } of runs) assert.equal(result.outcome.particles!.steps[0]!.resampled, true)
})
