import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bestOf } from '../../src/guidance/best-of.ts'
import { bestOfKlBound, bestOfKlEstimate, bestOfWinRateBound } from '../../src/guidance/best-of-laws.ts'
import { bestIndex, softIndex, voteIndex, voteWeights } from '../../src/guidance/selection.ts'
import { type BestOfOptions, bestOfOptions } from '../../src/guidance/whole-answer-options.ts'
import { add, assertNear, assertSameLaw, enumerated, lawOf, mean, type Outcome, softLaw } from './enumeration.ts'
import { question, type Run, runOf, type ToyWorld, tableWorld, toyReward } from './particle-runs.ts'

/** Numbers as in shared algorithms.md, sections 5.1 to 5.3. */
const oneToken = (p: readonly number[]): ToyWorld => tableWorld({ '': p }, undefined, 1)
const letters = 'abcdef'
const no = Number.NEGATIVE_INFINITY

const bestOfOf = (changes: Partial<BestOfOptions>): BestOfOptions => ({
  ...bestOfOptions.parse({ n: 2, reward: 'toy' }),
  ...changes,
})

/** Every run of the real strategy on one-token answers with rewards r. */
function runs(p: readonly number[], r: readonly number[], changes: Partial<BestOfOptions>): Promise<Outcome<Run>[]> {
  const reward = toyReward((text) => r[letters.indexOf(text)]!)
  return enumerated((chance) => runOf(bestOf(bestOfOf(changes), reward, question), oneToken(p), chance))
}

const chosenLaw = (outcomes: readonly Outcome<Run>[]) => lawOf(outcomes, ({ answer }) => answer)

/** The law of soft selection: its uniform is integrated out over the candidates that the strategy reports. */
function softChosenLaw(outcomes: readonly Outcome<Run>[], temperature: number): Map<string, number> {
  const law = new Map<string, number>()
  for (const { probability, result } of outcomes) {
    const candidates = result.outcome.candidates!
    const shares = softLaw(
      candidates.map(({ score }) => score!),
      temperature,
    )
    for (const [i, { text }] of candidates.entries()) add(law, text, probability * shares[i]!)
  }
  return law
}

const byLetter = (law: readonly number[]) => new Map(law.map((p, i) => [letters[i]!, p]))

/** F(r)^N - F(r-)^N of each level, given to its outcomes by their probability. */
function bestOfLaw(p: readonly number[], r: readonly number[], n: number): number[] {
  const below = (level: number, at: (reward: number) => boolean) =>
    p.reduce((sum, mass, i) => (r[i]! < level || at(r[i]!) ? sum + mass : sum), 0)
  return p.map((mass, i) => {
    const level = r[i]!
    const low = below(level, () => false)
    const high = below(level, (reward) => reward === level)
    return ((high ** n - low ** n) * mass) / (high - low)
  })
}

const klOf = (q: ReadonlyMap<string, number>, p: readonly number[]): number =>
  [...q].reduce((sum, [letter, mass]) => sum + (mass > 0 ? mass * Math.log(mass / p[letters.indexOf(letter)]!) : 0), 0)

const worlds: readonly (readonly [p: readonly number[], r: readonly number[]])[] = [
  [
    [0.5, 0.3, 0.2],
    [0, 1, 0.5],
  ],
  [
    [0.5, 0.3, 0.2],
    [1, 0, 1],
  ],
  [
    [0.4, 0.3, 0.2, 0.1],
    [0.5, 0.5, -2, 3],
  ],
  [
    [0.05, 0.15, 0.8],
    [-1, no, -3],
  ],
  [
    [0.7, 0.3],
    [2, 2],
  ],
]

for (const [p, r] of worlds)
  for (const n of [1, 2, 3, 5])
    test(`best of ${n} is F(r)^N - F(r-)^N: p = ${p}, r = ${r}`, async () => {
      const outcomes = await runs(p, r, { n })
      const law = chosenLaw(outcomes)
      assertSameLaw(law, byLetter(bestOfLaw(p, r, n)), 1e-12)

      const kl = klOf(law, p)
      const estimate = mean(outcomes, ({ outcome }) => outcome.bestOf!.klEstimate)
      const bound = bestOfKlBound(n)
      assert.ok(kl <= estimate + 1e-12, `KL ${kl} > mean estimate ${estimate}`)
      assert.ok(estimate <= bound + 1e-12, `mean estimate ${estimate} > bound ${bound}`)
      if (n > 1) assert.ok(kl < bound)

      const wins = [...law].reduce((sum, [letter, q]) => {
        const level = r[letters.indexOf(letter)]!
        return sum + q * p.reduce((share, mass, i) => share + mass * (r[i]! < level ? 1 : r[i]! === level ? 0.5 : 0), 0)
      }, 0)
      assert.ok(wins <= bestOfWinRateBound(n) + 1e-12, `${wins}`)
    })

const golden = {
  2: [0.33954916, 0.44196615, 0.21848469],
  4: [0.23536633, 0.55957931, 0.20505436],
  7: [0.19369342, 0.61641216, 0.18989443],
}
for (const [n, law] of Object.entries(golden))
  test(`golden: soft best of ${n}, p = (.5, .3, .2), r = (0, 1, .5), temperature .5`, async () => {
    const outcomes = await runs([0.5, 0.3, 0.2], [0, 1, 0.5], { n: Number(n), select: 'soft', temperature: 0.5 })
    const actual = softChosenLaw(outcomes, 0.5)
    assertSameLaw(actual, byLetter(law), 1e-8)
    const weights = [0.5, 0.3, 0.2].map((p, i) => p * Math.exp([0, 1, 0.5][i]! / 0.5))
    const z = weights.reduce((sum, weight) => sum + weight, 0)
    const kl = weights.reduce((sum, w, i) => sum + (w / z) * Math.log(w / z / actual.get(letters[i]!)!), 0)
    assertNear(kl, { 2: 0.1259, 4: 0.0322, 7: 0.00916 }[n]!, 5e-5)
  })

// the reference's (.125, .488, .387) is that of p = (.5, .2, .3)
test('golden: best of 3', async () => {
  const law = async (p: readonly number[]) => chosenLaw(await runs(p, [0, 1, 0.5], { n: 3 }))
  assertSameLaw(await law([0.5, 0.2, 0.3]), byLetter([0.125, 0.488, 0.387]), 1e-12)
  assertSameLaw(await law([0.5, 0.3, 0.2]), byLetter([0.125, 0.657, 0.218]), 1e-12)
})

test('soft: a temperature to 0 is the best, to infinity the base; one candidate is the base', async () => {
  const [p, r] = [
    [0.5, 0.3, 0.2],
    [0, 1, 0.5],
  ]
  for (const cold of [1e-3, 1e-300, Number.MIN_VALUE]) {
    const outcomes = await runs(p, r, { n: 3, select: 'soft', temperature: cold })
    assertSameLaw(softChosenLaw(outcomes, cold), byLetter(bestOfLaw(p, r, 3)), 1e-12)
  }
  const warm = await runs(p, r, { n: 3, select: 'soft', temperature: 1e6 })
  assertSameLaw(softChosenLaw(warm, 1e6), byLetter(p), 1e-5)
  const alone = await runs(p, r, { n: 1, select: 'soft', temperature: 0.5 })
  assertSameLaw(softChosenLaw(alone, 0.5), byLetter(p), 1e-12)
})

test('soft: -Infinity is never chosen beside another, and none is where all are', () => {
  assert.deepEqual(softLaw([no, 3, no], 0.5), [0, 1, 0])
  assert.equal(softIndex([no, no], 1, 0.3), undefined)
})

test('golden: KL bounds in nats', () => {
  const bounds = { 1: 0, 2: 0.193147, 4: 0.636294, 8: 1.204442, 16: 1.835089, 64: 3.174508, 1024: 5.932448 }
  for (const [n, bound] of Object.entries(bounds)) assertNear(bestOfKlBound(Number(n)), bound, 1e-6)
})

test('the KL estimate: 0 for a certain answer, the bound for an impossible one, monotone, finite in between', () => {
  for (const n of [1, 2, 4, 128]) {
    assert.equal(bestOfKlEstimate(n, 0), 0)
    for (const rare of [-50, -700, -740, -1e4, no]) assertNear(bestOfKlEstimate(n, rare), bestOfKlBound(n), 1e-9)
    let previous = 0
    for (let logP = -1e-9; logP > -800; logP *= 1.3) {
      const estimate = bestOfKlEstimate(n, logP)
      assert.ok(estimate >= previous - 1e-12 && estimate <= bestOfKlBound(n) + 1e-12, `${n}, ${logP}: ${estimate}`)
      previous = estimate
    }
  }
})

test('for soft selection too, KL and win rate stay below the bounds of the best', async () => {
  for (const [p, r] of worlds.slice(0, 3))
    for (const temperature of [0.1, 1]) {
      const law = softChosenLaw(await runs(p, r, { n: 4, select: 'soft', temperature }), temperature)
      assert.ok(klOf(law, p) <= bestOfKlBound(4))
    }
})

const voter = fc.record({
  vote: fc.option(fc.constantFrom('1', '2', '3'), { nil: undefined }),
  score: fc.integer({ min: -3, max: 3 }),
})
const voters = fc.array(voter, { minLength: 1, maxLength: 9 })
const winner = (list: readonly { vote: string | undefined; score: number }[], weights: readonly number[]) => {
  const index = voteIndex(list, weights)
  return index === undefined ? undefined : list[index]!.vote
}

test('votes: constant weights are the majority; scaling by a positive number changes nothing', () => {
  fc.assert(
    fc.property(voters, fc.constantFrom(0.25, 1, 8), (list, constant) => {
      const ones = list.map(() => 1)
      assert.equal(
        voteIndex(list, ones),
        voteIndex(
          list,
          ones.map(() => constant),
        ),
      )
      const counts = new Map<string, number>()
      for (const { vote } of list) if (vote !== undefined) counts.set(vote, (counts.get(vote) ?? 0) + 1)
      const won = winner(list, ones)
      if (counts.size === 0) assert.equal(won, undefined)
      else assert.equal(counts.get(won!), Math.max(...counts.values()))
    }),
  )
})

test('votes: one weight of 1 is that candidate; the order of candidates does not matter but for ties', () => {
  fc.assert(
    fc.property(voters, fc.nat(), (list, pick) => {
      const i = pick % list.length
      if (list[i]!.vote !== undefined)
        assert.equal(
          winner(
            list,
            list.map((_, k) => Number(k === i)),
          ),
          list[i]!.vote,
        )
      const weights = list.map(({ vote }, k) => (vote === undefined ? 0 : 2 ** -k))
      const backwards = winner(list.toReversed(), weights.toReversed())
      assert.equal(backwards, winner(list, weights))
    }),
  )
})

test('votes: ties go to the higher score, then to the first; the answer is its group’s best', () => {
  const of = (...list: [vote: string | undefined, score: number][]) =>
    voteIndex(
      list.map(([vote, score]) => ({ vote, score })),
      list.map(() => 1),
    )
  assert.equal(of(['1', 0], ['2', 1]), 1)
  assert.equal(of(['1', 1], ['2', 1]), 0)
  assert.equal(of(['2', 0], ['1', 3], ['2', 1]), 2)
  assert.equal(of([undefined, 9], ['1', 0]), 1)
  assert.equal(of([undefined, 9]), undefined)
})

test('weights of votes: scores within [0, 1] as they are, others by softmax, -Infinity as 0 in both', () => {
  assert.deepEqual(voteWeights([0.2, 0.7, no], [0, 1]), [0.2, 0.7, 0])
  const soft = voteWeights([-1, -1 + Math.log(3), no], undefined)
  for (const [i, weight] of [0.25, 0.75, 0].entries()) assertNear(soft[i]!, weight, 1e-12)
  const list = [
    { vote: '1', score: 0.4 },
    { vote: '1', score: no },
    { vote: '2', score: 0.3 },
  ]
  for (const range of [[0, 1], undefined] as const)
    assert.equal(
      voteIndex(
        list,
        voteWeights(
          list.map(({ score }) => score),
          range,
        ),
      ),
      0,
    )
})

test('votes through the strategy: the exact law of the majority of three', async () => {
  const outcomes = await enumerated((chance) => {
    const options = bestOfOf({ n: 3, select: 'vote', reward: undefined, answer: '([a-c])' })
    return runOf(bestOf(options, undefined, question), oneToken([0.5, 0.3, 0.2]), chance)
  })
  const p = { a: 0.5, b: 0.3, c: 0.2 }
  // the majority, or the first of three different ones
  const expected = Object.entries(p).map(
    ([letter, q]) => [letter, q ** 3 + 3 * q * q * (1 - q) + 2 * 0.5 * 0.3 * 0.2] as const,
  )
  assertSameLaw(chosenLaw(outcomes), new Map(expected), 1e-12)
  for (const { result } of outcomes) assert.equal(result.outcome.rewardCalls, 0)
})

test('a weighted vote with equal scores is the plain vote', async () => {
  const law = async (select: 'vote' | 'weighted_vote') =>
    chosenLaw(await runs([0.5, 0.3, 0.2], [0.5, 0.5, 0.5], { n: 3, select, answer: '([a-c])' }))
  assertSameLaw(await law('weighted_vote'), await law('vote'), 1e-12)
})

test('best: ties go to the first', () => {
  assert.equal(bestIndex([no, 1, 1, 0]), 1)
  assert.equal(bestIndex([no, no]), 0)
})
