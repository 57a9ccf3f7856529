import assert from 'node:assert/strict'
import { test } from 'node:test'
import { repeated } from '../../src/guidance/repeated.ts'
import { sample } from '../../src/guidance/sample.ts'
import { type BeamOptions, searchOptions } from '../../src/guidance/search-options.ts'
import { stepBeam } from '../../src/guidance/step-beam.ts'
import type { ChoiceEvent } from '../../src/guidance/strategy.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { failingReward, question, ruleReward, shareOfA } from './search-rewards.ts'
import { eventsOf, never, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'

const beamOf = (changes: object = {}) =>
  searchOptions.parse({
    method: 'beam',
    reward: 'r',
    width: 2,
    branch: 3,
    at: 'tokens',
    step_tokens: 2,
    ...changes,
  }) as BeamOptions

const beam = (changes: object = {}, budget?: number, reward = shareOfA) =>
  stepBeam(beamOf(changes), budget, reward, question)

const endOf = (events: readonly ChoiceEvent[]) => {
  const end = events.at(-1)!
  assert.ok(end.type === 'choice-end')
  return { ...end, outcome: end.outcome!, search: end.outcome!.search! }
}

strategyContract('step beam', beam(), 1)
strategyContract('step beam of one', beam({ width: 1, branch: 1 }), 1)
strategyContract('step beam with a budget', beam({}, 40), 1)
strategyContract('two step beams', repeated(beam(), 2), 2)

test('one prefix and one continuation: what plain sampling gives for the seed, streamed as it is drawn', async () => {
  for (let seed = 0n; seed < 30n; seed++) {
    const request = toyRequest({ seed, maxTokens: 12 })
    const events = await eventsOf(beam({ width: 1, branch: 1 }), request)
    assert.deepEqual(textsOf(events), textsOf(await eventsOf(sample, request)))
    const end = endOf(events)
    assert.equal(end.outcome.candidates!.length, 1)
    if (end.generatedTokens > 4) assert.ok(events.length > 3)
  }
})

test('ties go to the earlier one: a reward without an opinion gives the plain sample of the seed', async () => {
  const flat = ruleReward(() => 0.5)
  for (let seed = 0n; seed < 10n; seed++) {
    // all end at one length, so that none is found before another
    const request = toyRequest({ seed, maxTokens: 8, ignoreEos: true })
    const plain = textsOf(await eventsOf(sample, request))
    assert.deepEqual(textsOf(await eventsOf(beam({ width: 1, branch: 3 }, undefined, flat), request)), plain)
  }
})

test('the budget is kept to the token, and used up where there is more to say', async () => {
  for (let budget = 6; budget < 60; budget++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const request = toyRequest({ ignoreEos: true, maxTokens: 1000 })
    const end = endOf(await eventsOf(beam({}, budget), request, decoder))
    assert.deepEqual(
      [decoder.steps, end.generatedTokens, end.search.drawn, end.search.budget],
      [budget, budget, budget, budget],
    )
    assert.equal(end.finishReason, 'length')
  }
  for (let seed = 0n; seed < 40n; seed++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const end = endOf(
      await eventsOf(beam({ at: 'step', delimiter: 'b', step_tokens: 5 }, 25), toyRequest({ seed }), decoder),
    )
    assert.ok(decoder.steps <= 25)
    assert.equal(end.generatedTokens, decoder.steps)
  }
})

test('a finished answer is preferred to any beginning once the budget is spent', async () => {
  // beginnings score higher than whole answers
  const reward = ruleReward(({ finished }) => (finished ? 0.1 : 0.9))
  let whole = 0
  for (let seed = 0n; seed < 40n; seed++) {
    const end = endOf(await eventsOf(beam({}, 30, reward), toyRequest({ seed, maxTokens: 1000 })))
    if (end.outcome.candidates!.length === 0) continue
    whole++
    assert.equal(end.finishReason, 'stop')
  }
  assert.ok(whole > 10)
})

test('the chosen answer has the highest reward of all that finished, so never less than the first found', async () => {
  for (let seed = 0n; seed < 40n; seed++) {
    const { outcome } = endOf(await eventsOf(beam(), toyRequest({ seed, maxTokens: 10 })))
    const scores = outcome.candidates!.map(({ score }) => score!)
    assert.equal(outcome.reward, Math.max(...scores))
    assert.ok(outcome.reward! >= scores[0]!)
    assert.equal(outcome.candidates!.filter(({ chosen }) => chosen).length, 1)
  }
})

test('finished answers keep their place among the best: when they fill it, the search is over', async () => {
  const reward = ruleReward(({ finished }) => (finished ? 1 : 0))
  for (let seed = 0n; seed < 40n; seed++) {
    const { nodes } = endOf(
      await eventsOf(beam({ branch: 2, step_tokens: 1 }, undefined, reward), toyRequest({ seed, maxTokens: 40 })),
    ).search
    const depth = (i: number | undefined): number => (i === undefined ? 0 : 1 + depth(nodes[i]!.parent))
    const finished = nodes.flatMap(({ finished }, i) => (finished ? [depth(i)] : []))
    const last = Math.max(...nodes.map((_, i) => depth(i)))
    assert.ok(finished.length >= 2)
    assert.ok(finished.filter((at) => at < last).length < 2)
  }
})

test('more breadth finds better answers on average', async () => {
  const mean = async (changes: object) => {
    let sum = 0
    for (let seed = 0n; seed < 60n; seed++)
      sum += endOf(await eventsOf(beam(changes), toyRequest({ seed, ignoreEos: true, maxTokens: 10 }))).outcome.reward!
    return sum / 60
  }
  assert.ok((await mean({ width: 2, branch: 3 })) > (await mean({ width: 1, branch: 1 })) + 0.15)
})

test('no more than width * branch answers are alive, prefilled once; losers are released at once', async () => {
  for (const [width, branch] of [
    [1, 4],
    [2, 3],
    [4, 2],
  ] as const) {
    const decoder = new ToyDecoder(scrambled, 2)
    let most = 0
    const forks = decoder.fork.bind(decoder)
    let asked: number | undefined
    const open = decoder.open.bind(decoder)
    decoder.open = (request) => {
      asked = request.forks
      return open(request)
    }
    decoder.fork = (...parameters) => {
      const child = forks(...parameters)
      most = Math.max(most, decoder.live.size)
      return child
    }
    const request = toyRequest({ ignoreEos: true, maxTokens: 20 })
    for await (const event of beam({ width, branch })(request, decoder, never))
      if (event.type === 'progress' && decoder.steps > 0) assert.ok(decoder.live.size <= width)
    assert.deepEqual([most, asked, decoder.prefills], [width * branch, width * branch - 1, 1])
  }
})

test('no two continuations of a prefix draw from one stream', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const seeds: bigint[] = []
  const fork = decoder.fork.bind(decoder)
  decoder.fork = (sequence, seed) => {
    seeds.push(seed)
    return fork(sequence, seed)
  }
  await eventsOf(beam({ width: 3, branch: 4 }), toyRequest({ ignoreEos: true, maxTokens: 30 }), decoder)
  assert.ok(seeds.length > 100)
  assert.equal(new Set([7n, ...seeds]).size, seeds.length + 1)
})

test('text streams before the end, and what was streamed is never taken back', async () => {
  // answers that begin alike: the reward prefers 'a' so much that the kept prefixes share most of their text
  const reward = ruleReward(({ text }) => -[...text].filter((letter) => letter !== 'a').length, { range: undefined })
  let early = 0
  for (let seed = 0n; seed < 40n; seed++) {
    const request = toyRequest({ seed, ignoreEos: true, maxTokens: 16 })
    const events = await eventsOf(beam({ width: 2, branch: 4 }, undefined, reward), request)
    const end = endOf(events)
    const chosen = end.outcome.candidates!.find((candidate) => candidate.chosen)!
    assert.deepEqual(textsOf(events), [chosen.text])
    const draws = events.flatMap((event) => (event.type === 'choice-delta' ? event.draws : []))
    assert.equal(draws.length, end.returnedTokens)
    assert.equal(draws.map(({ id }) => 'abc'[id]).join(''), chosen.text)
    if (events.length > 2) early++
  }
  assert.ok(early > 20, `${early} of 40 runs streamed`)
})

test('the report is a forest whose paths spell the candidates', async () => {
  const { outcome, search } = endOf(await eventsOf(beam(), toyRequest({ maxTokens: 9 })))
  const spell = (i: number | undefined): string =>
    i === undefined ? '' : spell(search.nodes[i]!.parent) + search.nodes[i]!.text
  const whole = search.nodes.flatMap(({ finished }, i) => (finished ? [spell(i)] : []))
  assert.deepEqual(
    whole,
    outcome.candidates!.map(({ text }) => text),
  )
  assert.equal(search.method, 'beam')
  assert.equal(outcome.rewardCalls, search.nodes.length)
})

test('a failing reward fails the search and leaves nothing behind, whenever it fails', async () => {
  for (const good of [0, 1, 6, 7, 13]) {
    const decoder = new ToyDecoder(scrambled, 2)
    const run = () =>
      eventsOf(beam({}, undefined, failingReward(good)), toyRequest({ ignoreEos: true, maxTokens: 30 }), decoder)
    await assert.rejects(run, { name: 'RewardError' })
    assert.equal(decoder.live.size, 0)
  }
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY])
    await assert.rejects(
      () =>
        eventsOf(
          beam(
            {},
            undefined,
            ruleReward(() => bad),
          ),
          toyRequest(),
        ),
      { name: 'RewardError' },
    )
})

test('an abort at any moment leaves nothing behind', async () => {
  for (let events = 1; events < 6; events++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const gone = new AbortController()
    const run = async () => {
      let seen = 0
      const request = toyRequest({ ignoreEos: true, maxTokens: 1000 })
      for await (const _ of beam()(request, decoder, gone.signal)) if (++seen === events) gone.abort(new Error('gone'))
    }
    await assert.rejects(run, /gone/)
    assert.equal(decoder.live.size, 0)
  }
})

test('answers that must not be chosen do not break the search', async () => {
  const never = ruleReward(() => Number.NEGATIVE_INFINITY, { range: undefined })
  const { outcome } = endOf(await eventsOf(beam({}, undefined, never), toyRequest({ ignoreEos: true })))
  assert.equal(outcome.reward, Number.NEGATIVE_INFINITY)
})

test('what cannot be kept to is refused by name', () => {
  const refused = (param: string, changes: object, budget?: number, reward = shareOfA) =>
    assert.throws(() => beam(changes, budget, reward), { name: 'InvalidRequestError', param })
  refused('alignment.budget', {}, 5)
  refused('alignment.search.width', { width: 13, branch: 5 })
  refused(
    'alignment.search.reward',
    {},
    undefined,
    ruleReward(() => 0, { partial: false }),
  )
  refused(
    'alignment.search.reward',
    {},
    undefined,
    ruleReward(() => 0, { relative: true }),
  )
  beam({}, 6)
})
