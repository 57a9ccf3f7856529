import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { meanWinRates, pairwiseReward, preferenceScores } from '../../src/rm/pairwise.ts'
import { openRandom, withNumbers } from './classifier-fakes.ts'
import { answer, never, question, rewardContract } from './reward-contract.ts'

const gpm = await openRandom('llama-preference')
const prompted = await openRandom('llama-preference-prompt')

rewardContract('a general preference model', () => pairwiseReward('gpm', gpm))
rewardContract('one with a prompt head', () => pairwiseReward('gpm', prompted))

const unitVectors = (n: number, d: number) =>
  fc.array(
    fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: d, maxLength: d }).map((v) => {
      const norm = Math.hypot(...v)
      return norm < 1e-3 ? v.map((_, i) => (i === 0 ? 1 : 0)) : v.map((x) => x / norm)
    }),
    { minLength: n, maxLength: n },
  )

describe('preference scores', () => {
  test('golden: (1,0) over (0,1)', () => {
    const scores = preferenceScores(
      [
        [1, 0],
        [0, 1],
      ],
      undefined,
    )
    assert.equal(scores[0]![1], 1)
    assert.ok(Math.abs(meanWinRates(scores, 0.1)[0]! - 0.9999546021) < 1e-10)
  })

  test('are skew-symmetric to the bit, 0 on the diagonal, and bounded by the largest scale', () => {
    fc.assert(
      fc.property(
        unitVectors(4, 6),
        fc.array(fc.double({ min: 0, max: 2, noNaN: true }), { minLength: 3, maxLength: 3 }),
        (vectors, scales) => {
          const scores = preferenceScores(
            vectors,
            vectors.map(() => scales),
          )
          for (const [i, row] of scores.entries())
            for (const [j, score] of row.entries()) {
              assert.equal(score + scores[j]![i]!, 0)
              assert.ok(Math.abs(score) <= Math.max(...scales) + 1e-9)
            }
        },
      ),
    )
  })

  test('do not change when a plane is turned', () => {
    fc.assert(
      fc.property(unitVectors(3, 4), fc.double({ min: 0, max: 6.3, noNaN: true }), (vectors, angle) => {
        const [c, s] = [Math.cos(angle), Math.sin(angle)]
        const turned = vectors.map(([x, y, ...rest]) => [c * x! - s * y!, s * x! + c * y!, ...rest])
        const [one, other] = [preferenceScores(vectors, undefined), preferenceScores(turned, undefined)]
        for (const [i, row] of one.entries())
          for (const [j, score] of row.entries()) assert.ok(Math.abs(score - other[i]![j]!) < 1e-9)
      }),
    )
  })

  test('mean win rates sum to half their number; a circle of three is a tie', () => {
    fc.assert(
      fc.property(unitVectors(5, 4), (vectors) => {
        const rates = meanWinRates(preferenceScores(vectors, undefined), 0.1)
        assert.ok(Math.abs(rates.reduce((sum, rate) => sum + rate, 0) - 2.5) < 1e-9)
      }),
    )
    const circle = [0, 120, 240].map((degrees) => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
    ])
    const scores = preferenceScores(circle, undefined)
    for (const [i, j] of [
      [0, 1],
      [1, 2],
      [2, 0],
    ] as const)
      assert.ok(Math.abs(scores[i]![j]! - 0.8660254) < 1e-6)
    for (const rate of meanWinRates(scores, 0.1)) assert.ok(Math.abs(rate - 0.5) < 1e-9)
  })
})

describe('a pairwise reward', () => {
  test('gives each answer its mean win rate over the others, from one forward each', async () => {
    // embeddings by the answer's first letter; the last token's row counts
    const vectors: Record<string, number[]> = { a: [3, 0, 0, 0], b: [0, 2, 0, 0], c: [-1, 0, 0, 0] }
    const spy = withNumbers(gpm, (ids) => {
      const text = ids.map((id) => gpm.tokenizer.tokenOf(id)).join('')
      const letter = /assistantĊ(.)/.exec(text)![1]!
      return [...new Array<number>(4 * (ids.length - 1)).fill(0), ...vectors[letter]!]
    })
    const reward = pairwiseReward('gpm', spy)
    const verdicts = await reward.score(
      question,
      ['a', 'b', 'c'].map((text) => answer(text)),
      never,
    )
    assert.equal(spy.fed.length, 3)
    for (const fed of spy.fed) assert.match(fed, /<\|im_end\|>$/)
    const high = 0.9999546021
    const expected = [(high + 0.5) / 2, (1 - high + high) / 2, (0.5 + 1 - high) / 2]
    for (const [i, { score }] of verdicts.entries()) assert.ok(Math.abs(score - expected[i]!) < 1e-9, `${i}: ${score}`)
  })

  test('weighs the planes by the prompt head at the prompt’s last token', async () => {
    const spy = withNumbers(prompted, (ids) => {
      const text = ids.map((id) => prompted.tokenizer.tokenOf(id)!)
      const at = text.lastIndexOf('<|im_start|>')
      const start = text.findIndex((token, i) => i > at && token === 'Ċ')
      const rows = text.map((_, i) => (i === start ? [0, 0, 0, 0, Math.log(3), 0] : [0, 0, 0, 0, 9, 9]))
      rows[rows.length - 1] = text[start + 1] === 'a' ? [1, 0, 0, 0, 9, 9] : [0, 1, 0, 0, 9, 9]
      return rows.flat()
    })
    const [verdict] = await pairwiseReward('gpm', spy, { temperature: 1 }).score(
      question,
      [answer('a'), answer('b')],
      never,
    )
    assert.ok(Math.abs(verdict!.score - 1 / (1 + Math.exp(-0.75))) < 1e-6, `${verdict!.score}`)
  })

  test('gives one answer alone one half, and refuses unfinished ones', async () => {
    const reward = pairwiseReward('gpm', gpm)
    assert.deepEqual(reward.traits, { partial: false, range: [0, 1], relative: true })
    assert.equal((await reward.score(question, [answer('a')], never))[0]!.score, 0.5)
    await assert.rejects(reward.score(question, [answer('a', { finished: false })], never), { name: 'RewardError' })
  })

  test('without a direction is an error', async () => {
    const spy = withNumbers(gpm, (ids) => new Array<number>(4 * ids.length).fill(0))
    await assert.rejects(pairwiseReward('gpm', spy).score(question, [answer('a')], never), { name: 'RewardError' })
  })

  test('is refused for a model without an embedding, or without a temperature', async () => {
    const pooled = await openRandom('llama-score')
    assert.throws(() => pairwiseReward('gpm', pooled), /no preference embedding/)
    assert.throws(() => pairwiseReward('gpm', gpm, { temperature: 0 }), /must be positive/)
    await pooled.close()
  })
})
