import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Sequence } from '../../src/decoding/decoder.ts'
import { feynmanKac } from '../../src/guidance/feynman-kac.ts'
import type { ChoiceEvent, Strategy } from '../../src/guidance/strategy.ts'
import type { ParticleOptions } from '../../src/guidance/whole-answer-options.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { particles, question, scrambledReward, toyReward } from '../laws/particle-runs.ts'
import { ToyDecoder, termLogprobs } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { eventsOf, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'
import { judgedStrategyContract, notingReward, timeline } from './toy-rewards.ts'

const withOptions =
  (changes: Partial<ParticleOptions>) =>
  (reward: Reward): Strategy =>
    feynmanKac(particles({ n: 3, resample_every: 1, ess_threshold: 2, lambda: 3, ...changes }), reward, question)

const variants: Readonly<Record<string, Partial<ParticleOptions>>> = {
  'particles, the best': { select: 'best' },
  'particles, drawn by weight': { select: 'sample', resampler: 'multinomial' },
  'particles that never resample': { ess_threshold: 0 },
  'particles at steps': { at: 'step', delimiter: 'a' },
  'particles at sentences': { at: 'sentence' },
  'particles judged by completions': { intermediate: 'completions', completions: 2 },
  'particles as in fkd': { compat: 'fkd', potential: 'max' },
}
for (const [title, changes] of Object.entries(variants)) {
  const strategyWith = withOptions(changes)
  // one token of each particle is at most drawn before the first sign of life
  if (changes.at === undefined && changes.intermediate === undefined)
    strategyContract(title, strategyWith(toyReward(scrambledReward)), 1)
  judgedStrategyContract(title, strategyWith)
}
judgedStrategyContract('particles as in its_hub', (reward) => {
  const share: Reward = {
    ...reward,
    async score(...asked) {
      const verdicts = await reward.score(...asked)
      return verdicts.map((verdict) => ({ ...verdict, score: (verdict.score + 1) / 2 }))
    },
  }
  return withOptions({ compat: 'its_hub' })(share)
})

/** Notes how many sequences live at most, and what is forked. */
class CountingDecoder extends ToyDecoder {
  most = 0
  readonly forkedFinished: Sequence[] = []

  override fork(...[sequence, seed]: Parameters<ToyDecoder['fork']>) {
    if (sequence.finishReason !== undefined) this.forkedFinished.push(sequence)
    const copy = super.fork(sequence, seed)
    this.most = Math.max(this.most, this.live.size)
    return copy
  }
}

test('never more sequences than were asked for, one prefill, and no finished one is forked', async () => {
  for (const [changes, most] of [
    [{ n: 5, resampler: 'multinomial' }, 5],
    [{ n: 3, intermediate: 'completions', completions: 4 }, 15],
  ] as const)
    for (let seed = 0n; seed < 20n; seed++) {
      const decoder = new CountingDecoder(scrambled, 2)
      let asked = 0
      const open = decoder.open.bind(decoder)
      decoder.open = (request) => {
        asked = 1 + (request.forks ?? 0)
        return open(request)
      }
      await eventsOf(withOptions(changes)(toyReward(scrambledReward)), toyRequest({ seed }), decoder)
      assert.equal(decoder.prefills, 1)
      assert.equal(asked, most)
      assert.ok(decoder.most <= asked, `${decoder.most} of ${asked}`)
      assert.deepEqual(decoder.forkedFinished, [])
    }
})

test('deltas are never taken back: together they are the chosen answer, and its draws', async () => {
  const letters = 'abc'
  for (const changes of Object.values(variants))
    for (let seed = 0n; seed < 15n; seed++) {
      const events = await eventsOf(
        withOptions(changes)(toyReward(scrambledReward)),
        toyRequest({ seed, maxTokens: 10 }),
      )
      const end = events.at(-1) as Extract<ChoiceEvent, { type: 'choice-end' }>
      const draws = events.flatMap((event) => (event.type === 'choice-delta' ? event.draws : []))
      assert.equal(draws.map(({ id }) => letters[id]).join(''), textsOf(events)[0] ?? '')
      assert.equal(draws.length, end.returnedTokens)
      assert.equal(end.endDraw === undefined, end.finishReason === 'length')
      if (changes.select !== 'best') continue
      // where only finished ones survive a resampling, it is the last
      const { rewards, ancestors } = end.outcome!.particles!.steps.at(-1)!
      assert.equal(end.outcome!.reward, Math.max(...ancestors.map((ancestor) => rewards![ancestor]!)))
    }
})

test('what all particles share is said before the end', async () => {
  let early = 0
  for (let seed = 0n; seed < 20n; seed++) {
    const request = toyRequest({ seed, ignoreEos: true, maxTokens: 24 })
    const strategy = withOptions({ n: 4, resample_every: 2, lambda: 8 })(toyReward(scrambledReward))
    const moments = await timeline(strategy, request)
    const first = moments.find(({ event }) => event.type === 'choice-delta')!
    if (first.steps <= 48) early++
  }
  assert.ok(early >= 16, `${early} of 20 runs say something before half of the tokens are drawn`)
})

test('what all particles say is streamed before the first checkpoint, where no two of them share a past', async () => {
  // certain for two tokens, then a coin
  const logits = (_: unknown, prefix: readonly number[]) =>
    prefix.length < 2 ? Float64Array.of(0, Number.NEGATIVE_INFINITY) : Float64Array.of(0, 0)
  for (const changes of [{ resample_every: 8 }, { at: 'step', delimiter: 'z' }] as const) {
    const decoder = new ToyDecoder(new Map([['base', { logits }]]), undefined)
    const strategy = withOptions({ n: 4, resample_every: undefined, ...changes })(toyReward(scrambledReward))
    const moments = await timeline(strategy, toyRequest({ maxTokens: 16 }), decoder)
    const judged = moments.findIndex(({ event }) => event.type === 'progress')
    const before = moments.slice(0, judged).flatMap(({ event }) => (event.type === 'choice-delta' ? [event.text] : []))
    assert.ok(before.join('').startsWith('aa'), before.join(''))
    assert.ok(moments[0]!.steps <= 8, `${moments[0]!.steps} tokens of all particles before the first text`)
  }
})

test('a streamed draw is that of the chosen answer to the last bit, whoever drew it', async () => {
  const terms = toyRequest().terms
  for (let seed = 0n; seed < 20n; seed++) {
    const strategy = withOptions({ n: 4, resample_every: 2 })(toyReward(scrambledReward))
    const events = await eventsOf(strategy, toyRequest({ seed, maxTokens: 10, trace: true }))
    const draws = events.flatMap((event) => (event.type === 'choice-delta' ? event.draws : []))
    draws.forEach((draw, i) => {
      const before = draws.slice(0, i).map(({ id }) => id)
      assert.deepEqual(draw.termLogprobs, termLogprobs(terms, before, draw.id, scrambled))
    })
  }
})

test('the losers of a resampling are released before the copies are made', async () => {
  // two letters, of which one is worth everything
  const reward = toyReward((text) => (text.startsWith('b') ? 50 : 0))
  const models = new Map([['base', { logits: () => Float64Array.of(0, 0) }]])
  let copies = 0
  for (let seed = 0n; seed < 10n; seed++) {
    const decoder = new ToyDecoder(models, undefined)
    const fork = decoder.fork.bind(decoder)
    decoder.fork = (sequence, own) => {
      assert.ok(decoder.live.size < 4, 'a copy has no room')
      return fork(sequence, own)
    }
    await eventsOf(withOptions({ n: 4 })(reward), toyRequest({ seed, maxTokens: 4 }), decoder)
    copies += decoder.forks - 3
  }
  assert.ok(copies > 10, `${copies} copies`)
})

test('the report: one step for each checkpoint, rewards and ancestors of every particle', async () => {
  const events = await eventsOf(
    withOptions({ resample_every: 2 })(toyReward(scrambledReward)),
    toyRequest({ ignoreEos: true }),
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'choice-end')
  const { n, steps, collapsed, logZ } = end.outcome!.particles!
  assert.deepEqual([n, collapsed, Number.isFinite(logZ)], [3, false, true])
  assert.deepEqual(
    steps.map(({ tokens, resampled }) => [tokens, resampled]),
    [
      [2, true],
      [4, true],
      [6, false],
    ],
  )
  for (const { rewards, ancestors, effectiveSampleSize } of steps) {
    assert.deepEqual([rewards!.length, ancestors.length], [3, 3])
    assert.ok(effectiveSampleSize >= 1 - 1e-9 && effectiveSampleSize <= 3 + 1e-9)
  }
})

test('traced texts put together along the ancestors of the chosen particle are the answer', async () => {
  let resamplings = 0
  for (const at of ['tokens', 'sentence'] as const)
    for (let seed = 0n; seed < 20n; seed++) {
      const strategy = withOptions({ at, resample_every: 2, lambda: 1 })(toyReward(scrambledReward))
      const events = await eventsOf(strategy, toyRequest({ seed, trace: true, maxTokens: 7 }))
      const end = events.at(-1)
      assert.ok(end?.type === 'choice-end')
      const { steps, chosen } = end.outcome!.particles!
      let slot = chosen
      let text = ''
      for (const { texts, ancestors, resampled } of [...steps].reverse()) {
        slot = ancestors[slot]!
        text = texts![slot]! + text
        if (resampled) resamplings++
      }
      assert.equal(text, textsOf(events)[0])
    }
  assert.ok(resamplings > 20, `${resamplings} resamplings`)
  const untraced = (await eventsOf(withOptions({})(toyReward(scrambledReward)), toyRequest({}))).at(-1)
  assert.ok(untraced?.type === 'choice-end')
  for (const { texts } of untraced.outcome!.particles!.steps) assert.equal(texts, undefined)
})

test('a finished particle is judged once', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const { reward, asked } = notingReward()
    const events = await eventsOf(withOptions({ ess_threshold: 0 })(reward), toyRequest({ seed }))
    const whole = asked.flat().filter(({ finished }) => finished)
    assert.equal(whole.length, 3)
    assert.equal(events.at(-1)!.type, 'choice-end')
  }
})

test("select 'best' means what lambda does: below 0 it is the answer of the lowest reward, and never a forbidden one", async () => {
  const forbidden = (text: string) => text.startsWith('b')
  const reward = toyReward((text, finished) =>
    forbidden(text) ? Number.NEGATIVE_INFINITY : scrambledReward(text, finished),
  )
  let allowed = 0
  for (const lambda of [-2, 0, 2])
    for (let seed = 0n; seed < 20n; seed++) {
      const strategy = withOptions({ select: 'best', ess_threshold: 0, lambda })(reward)
      const end = (await eventsOf(strategy, toyRequest({ seed }))).at(-1) as Extract<
        ChoiceEvent,
        { type: 'choice-end' }
      >
      const rewards = end.outcome!.particles!.steps.at(-1)!.rewards!.filter((value) => value > Number.NEGATIVE_INFINITY)
      if (rewards.length === 0) continue
      allowed++
      assert.equal(end.outcome!.reward, lambda < 0 ? Math.min(...rewards) : Math.max(...rewards))
    }
  assert.ok(allowed > 40, `${allowed} runs with a choice`)
})
