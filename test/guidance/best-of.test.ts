import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childSeed } from '../../src/decoding/rng.ts'
import { bestOf } from '../../src/guidance/best-of.ts'
import { bestOfKlBound, bestOfKlEstimate } from '../../src/guidance/best-of-laws.ts'
import { noFinding } from '../../src/guidance/candidate-report.ts'
import { chooseCandidate } from '../../src/guidance/choose-candidate.ts'
import { selectionUniform } from '../../src/guidance/random-streams.ts'
import { sample } from '../../src/guidance/sample.ts'
import { softIndex } from '../../src/guidance/selection.ts'
import type { ChoiceEvent, Strategy } from '../../src/guidance/strategy.ts'
import { type BestOfOptions, bestOfOptions } from '../../src/guidance/whole-answer-options.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { answerLaw } from '../laws/enumerating-decoder.ts'
import { assertNear, assertSameLaw, enumerated, lawOf } from '../laws/enumeration.ts'
import {
  fixedLength,
  question,
  runOf,
  scrambledReward,
  type ToyReward,
  toyReward,
  variableLength,
} from '../laws/particle-runs.ts'
import { mixedRow, ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { softmax } from '../sampling/law-of-draw.ts'
import { eventsOf, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'
import { judgedStrategyContract, notingReward, timeline } from './toy-rewards.ts'

const optionsOf = (changes: Partial<BestOfOptions>): BestOfOptions => ({
  ...bestOfOptions.parse({ n: 4, reward: 'toy' }),
  ...changes,
})
const withOptions = (changes: Partial<BestOfOptions>) => (reward: Reward) =>
  bestOf(optionsOf(changes), reward, question)
const plain = withOptions({})(toyReward(scrambledReward))
const prune = (keep: number, ...at: number[]) => ({ prune: { keep, at } })

const variants: Readonly<Record<string, Partial<BestOfOptions>>> = {
  'best of 4': {},
  'soft best of 4': { select: 'soft', temperature: 0.3 },
  'best of 4, pruned twice': prune(0.5, 1, 3),
  'best of 4, pruned to one': prune(0.25, 2),
  'best of 1': { n: 1 },
}
for (const [title, changes] of Object.entries(variants)) {
  strategyContract(title, withOptions(changes)(toyReward(scrambledReward)), 1)
  judgedStrategyContract(title, withOptions(changes))
}
strategyContract(
  'vote of 16',
  bestOf(optionsOf({ n: 16, select: 'vote', answer: '^([a-c]+)' }), undefined, question),
  1,
)

async function endOf(strategy: Strategy, request = toyRequest(), decoder = new ToyDecoder(scrambled, 2)) {
  const events = await eventsOf(strategy, request, decoder)
  const end = events.at(-1) as Extract<ChoiceEvent, { type: 'choice-end' }>
  return { end, text: textsOf(events)[0]!, candidates: end.outcome!.candidates! }
}

test('candidates are the samples of their seeds; the prompt is computed once', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const { candidates } = await endOf(plain, toyRequest(), decoder)
  assert.deepEqual([decoder.prefills, decoder.forks], [1, 3])
  for (const [i, { text }] of candidates.entries()) {
    const seed = i === 0 ? 7n : childSeed(7n, i)
    assert.deepEqual(textsOf(await eventsOf(sample, toyRequest({ seed }))), [text])
  }
})

test('the chosen one is what is said; no candidate left scores higher', async () => {
  for (const changes of Object.values(variants))
    for (let seed = 0n; seed < 10n; seed++) {
      const { end, text, candidates } = await endOf(
        withOptions(changes)(toyReward(scrambledReward)),
        toyRequest({ seed }),
      )
      const chosen = candidates.filter((candidate) => candidate.chosen)
      assert.equal(chosen.length, 1)
      assert.deepEqual([chosen[0]!.text, chosen[0]!.prunedAt], [text, undefined])
      assert.equal(end.outcome!.reward, chosen[0]!.score)
      for (const { score, prunedAt } of candidates)
        if (changes.select !== 'soft' && prunedAt === undefined) assert.ok(score! <= chosen[0]!.score!)
    }
})

test('soft: the uniform of the request picks', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const { candidates } = await endOf(
      withOptions({ select: 'soft' })(toyReward(scrambledReward)),
      toyRequest({ seed }),
    )
    const scores = candidates.map(({ score }) => score!)
    assert.ok(candidates[softIndex(scores, 1, selectionUniform(seed))!]!.chosen)
  }
})

test('the report: KL estimate from the probability of the whole answer, its end included', async () => {
  const models = new Map([['base', { logits: () => Float64Array.of(0, Math.log(2), 0) }]])
  const { end, candidates } = await endOf(plain, toyRequest({ maxTokens: 3 }), new ToyDecoder(models, 2))
  const { text, finishReason } = candidates.find(({ chosen }) => chosen)!
  const logP = [...text, ...(finishReason === 'stop' ? '$' : '')].reduce(
    (sum, c) => sum + Math.log(c === 'b' ? 0.5 : 0.25),
    0,
  )
  assertNear(end.outcome!.bestOf!.klEstimate, bestOfKlEstimate(4, logP), 1e-12)
  assert.equal(end.outcome!.bestOf!.klBound, bestOfKlBound(4))
  assert.equal(end.outcome!.bestOf!.winRateBound, 0.8)
})

test('the KL estimate is never above the bound, not by a rounding either', () => {
  for (let n = 1; n <= 128; n++)
    for (let logP = -0.01; logP > -200; logP *= 1.07)
      assert.ok(bestOfKlEstimate(n, logP) <= bestOfKlBound(n), `n = ${n}, log p = ${logP}`)
})

test('keep 1 is plain best-of-n: the same law', async () => {
  for (const world of [fixedLength, variableLength]) {
    const law = async (changes: Partial<BestOfOptions>) => {
      const strategy = withOptions({ n: 2, ...changes })(toyReward(scrambledReward))
      return lawOf(await enumerated((chance) => runOf(strategy, world, chance)), ({ answer }) => answer)
    }
    assertSameLaw(await law(prune(1, 1, 2)), await law({}), 1e-12)
  }
})

test('keep 1 is plain best-of-n: the same text and scores for every seed', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const kept = await endOf(withOptions(prune(1, 1, 2, 5))(toyReward(scrambledReward)), toyRequest({ seed }))
    const all = await endOf(plain, toyRequest({ seed }))
    assert.deepEqual([kept.text, kept.candidates], [all.text, all.candidates])
  }
})

test('pruned to one after its first token: that token is the best of n, ended answers among them, the rest is the base', async () => {
  const rest = answerLaw((prefix) => softmax(mixedRow(variableLength.terms, prefix, variableLength.models)), 2, 3)
  const first = [0.5, 0.4, 0.1]
  const rewards: readonly ToyReward[] = [
    (text, finished) => (finished ? 1 : text.charCodeAt(0)),
    (text, finished) => (finished ? 100 : 9 - text.length - text.charCodeAt(0)),
    (text, finished) => (finished ? 98 : text.charCodeAt(0)),
    () => 0, // ties go to the earlier candidate, so nothing is preferred
  ]
  for (const reward of rewards) {
    const scores = [reward('a', false), reward('b', false), reward('', true)]
    const share = (below: (score: number) => boolean) =>
      first.reduce((sum, p, i) => sum + (below(scores[i]!) ? p : 0), 0)
    const best = first.map((p, i) => {
      const [low, high] = [share((score) => score < scores[i]!), share((score) => score <= scores[i]!)]
      return (p * (high ** 3 - low ** 3)) / (high - low)
    })
    const expected = [...rest].map(([answer, p]) => {
      const token = 'ab$'.indexOf(answer[0]!)
      return [answer, (best[token]! * p) / first[token]!] as const
    })
    const strategy = withOptions({ n: 3, ...prune(0.01, 1) })(toyReward(reward))
    const runs = await enumerated((chance) => runOf(strategy, variableLength, chance))
    assertSameLaw(
      lawOf(runs, ({ answer }) => answer),
      new Map(expected),
      1e-12,
    )
  }
})

test('what a round drops scores no higher than what it keeps, and comes later where it scores the same', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const { reward, asked } = notingReward((text) => text.charCodeAt(text.length - 1) % 2)
    const { candidates } = await endOf(
      withOptions({ n: 8, ...prune(0.4, 2) })(reward),
      toyRequest({ seed, ignoreEos: true }),
    )
    const ranks = asked[0]!.map(({ text }, i) => 100 * (text.charCodeAt(1) % 2) - i)
    const dropped = candidates.flatMap(({ prunedAt }, i) => (prunedAt === undefined ? [] : [ranks[i]!]))
    const kept = candidates.flatMap(({ prunedAt }, i) => (prunedAt === undefined ? [ranks[i]!] : []))
    assert.equal(kept.length, 3)
    assert.ok(Math.max(...dropped) < Math.min(...kept), `dropped ${dropped}, kept ${kept}`)
  }
})

test('a smaller keep drops a superset, and never everything', async () => {
  for (let seed = 0n; seed < 20n; seed++) {
    const dropped = async (keep: number) => {
      const strategy = withOptions({ n: 8, ...prune(keep, 2) })(toyReward(scrambledReward))
      const { candidates } = await endOf(strategy, toyRequest({ seed, ignoreEos: true }))
      return candidates.flatMap(({ prunedAt }, i) => (prunedAt === undefined ? [] : [i]))
    }
    const [few, some, most] = [await dropped(0.9), await dropped(0.5), await dropped(0.01)]
    assert.deepEqual([few.length, some.length, most.length], [1, 4, 7])
    assert.ok(few.every((i) => some.includes(i)) && some.every((i) => most.includes(i)))
  }
})

test('the memory of the dropped is back before the next token', async () => {
  const strategy = withOptions({ n: 8, ...prune(0.5, 1, 2, 3) })(toyReward(scrambledReward))
  const moments = await timeline(strategy, toyRequest({ ignoreEos: true }))
  const rounds = moments.filter(({ event }) => event.type === 'progress' && event.message.includes('left at'))
  assert.deepEqual(
    rounds.map(({ live, steps }) => [live, steps]),
    [
      [4, 8],
      [2, 12],
      [1, 14],
    ],
  )
})

test('once one candidate is left, it streams as it is drawn', async () => {
  const strategy = withOptions(prune(0.25, 2))(toyReward(scrambledReward))
  const moments = await timeline(strategy, toyRequest({ ignoreEos: true, maxTokens: 12 }))
  const deltas = moments.filter(({ event }) => event.type === 'choice-delta')
  assert.deepEqual(
    deltas.map(({ steps }) => steps),
    [8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18],
  )
  const end = moments.at(-1)!.event
  assert.ok(end.type === 'choice-end')
  const said = deltas.map(({ event }) => (event.type === 'choice-delta' ? event.text : '')).join('')
  assert.equal(said, end.outcome!.candidates!.find(({ chosen }) => chosen)!.text)
  assert.equal(end.returnedTokens, 12)
})

test('a candidate that ends after a round is judged again, whole; one that ended before it is judged once', async () => {
  let [again, once] = [0, 0]
  for (let seed = 0n; seed < 20n; seed++) {
    // beginnings are worth nothing, so that a stale score would be seen
    const { reward, asked } = notingReward((text, finished) => (finished ? 1 + text.length : 0))
    const { candidates } = await endOf(withOptions(prune(1, 1, 3))(reward), toyRequest({ seed }))
    for (const { text, score } of candidates) assert.equal(score, 1 + text.length)
    const whole = asked.map((answers) => answers.filter(({ finished }) => finished).length)
    assert.equal(
      whole.reduce((sum, count) => sum + count, 0),
      4,
    )
    again += whole.at(-1)!
    once += 4 - whole.at(-1)!
  }
  assert.ok(again > 0 && once > 0)
})

test('no extractable answer: refused, with nothing left behind', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const strategy = bestOf(optionsOf({ select: 'vote', answer: '(z+)' }), undefined, question)
  await assert.rejects(() => eventsOf(strategy, toyRequest(), decoder), { name: 'InvalidRequestError' })
  assert.equal(decoder.live.size, 0)
})

test('others have a turn between candidates whose vote takes long to read', async () => {
  const finished = { draws: [], endDraw: undefined, finishReason: 'stop', generatedTokens: 1, finished: true } as const
  const slow = {
    ...finished,
    get text() {
      const start = performance.now()
      while (performance.now() - start < 15);
      return 'The answer is 4.'
    },
  }
  // copies would hold the text itself
  const candidates = Array.from({ length: 4 }, () => Object.create(slow) as typeof slow)
  let turns = 0
  let choosing = true
  const count = () => {
    turns++
    if (choosing) setImmediate(count)
  }
  setImmediate(count)
  const findings = candidates.map(noFinding)
  await chooseCandidate(
    { candidates, findings },
    optionsOf({ select: 'vote' }),
    undefined,
    0,
    new AbortController().signal,
  )
  choosing = false
  assert.ok(turns >= 3, `${turns} turns`)
  assert.deepEqual(
    findings.map(({ vote }) => vote),
    ['4', '4', '4', '4'],
  )
})
