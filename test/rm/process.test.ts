import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { processReward } from '../../src/rm/process.ts'
import { type Aggregate, aggregateSteps, shapeSteps, splitSteps } from '../../src/rm/process-steps.ts'
import type { Question } from '../../src/rm/reward.ts'
import { openRandom, withNumbers } from './classifier-fakes.ts'
import { answer, never, question, rewardContract } from './reward-contract.ts'

const qwen2 = await openRandom('qwen2-process')
const llama = await openRandom('llama-tokens')
const separator = '<extra_0>'
const separatorId = qwen2.tokenizer.idOf(separator)!
const solution = '31 - 6 = 25.\n\n25 - 5 = 20.\n\nThe answer is 20.'
const answers = [solution, 'One step.', 'Zwölf — 3.\n\n\n\n日本語 🎉\n\n', '  Indented.\n\nMore.  '].map((text) =>
  answer(text),
)

rewardContract('a process reward at separators', () => processReward('prm', qwen2, { separator }), { answers })
rewardContract('a process reward at steps’ own ends', () => processReward('prm', llama, { aggregate: 'product' }), {
  answers,
})
rewardContract('clipped step rewards', () => processReward('prm', llama, { shaping: { kind: 'clip', eta: 0.5 } }), {
  answers,
})

describe('steps', () => {
  const texts = (text: string, delimiter: string | RegExp, withLast = true) =>
    splitSteps(text, delimiter, withLast).map((step) => step.text)

  test('end at blank lines, which are no part of them', () => {
    assert.deepEqual(texts('a\n\nb\nc\n\n\n\nd', '\n\n'), ['a', 'b\nc', 'd'])
    assert.deepEqual(texts('\n\n  \n\n', '\n\n'), [])
  })

  test('end at sentences, whose stop belongs to them', () => {
    assert.deepEqual(texts('One. Two. Three', '. '), ['One.', 'Two.', 'Three'])
    assert.deepEqual(texts('One! Two? Three', /(?<=[.!?])\s+/), ['One!', 'Two?', 'Three'])
  })

  test('that no delimiter has ended yet are left out', () => {
    assert.deepEqual(texts('One. Two. Thr', '. ', false), ['One.', 'Two.'])
    assert.deepEqual(texts('Thr', '. ', false), [])
  })

  test('end at their last visible character', () => {
    assert.deepEqual(
      splitSteps('ab \n\n cd. ', '\n\n', true).map(({ end }) => end),
      [2, 9],
    )
  })
})

describe('one number of many', () => {
  const logs = [0.9, 0.8, 0.95].map(Math.log)
  for (const [aggregate, expected] of [
    ['product', 0.684],
    ['min', 0.8],
    ['last', 0.95],
    ['mean', 0.883333],
  ] as const)
    test(`golden ${aggregate}`, () => assert.ok(Math.abs(aggregateSteps(aggregate, logs) - expected) < 1e-6))

  test('product <= min <= mean, and all are equal for a single step', () => {
    const steps = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(steps, (values) => {
        const of = (aggregate: Aggregate, given = values) => aggregateSteps(aggregate, given.map(Math.log))
        assert.ok(of('product') <= of('min') * (1 + 1e-9))
        assert.ok(of('min') <= of('mean') * (1 + 1e-9))
        const single = (['product', 'min', 'last', 'mean'] as const).map((one) => of(one, values.slice(0, 1)))
        assert.equal(new Set(single).size, 1)
      }),
    )
  })
})

describe('Clip and Delta', () => {
  const rewards = [0.9, 0.8, 0.95, 0.2]
  const close = (actual: readonly number[], expected: readonly number[]) => {
    assert.equal(actual.length, expected.length)
    for (const [i, value] of actual.entries()) assert.ok(Math.abs(value - expected[i]!) < 1e-12, `${actual}`)
  }

  test('golden vectors', () => {
    close(shapeSteps({ kind: 'clip', eta: 0.5 }, rewards), [0, 0, 0, -0.3])
    close(shapeSteps({ kind: 'delta' }, rewards), [0.1, -0.15, 0.95, 0])
  })

  test('clipping is monotone and never above 0; Delta sums to the first reward, however often a step is repeated', () => {
    const numbers = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 20 })
    fc.assert(
      fc.property(numbers, (values) => {
        const clipped = shapeSteps({ kind: 'clip', eta: 0.3 }, values)
        assert.ok(clipped.every((value) => value <= 0))
        const total = (list: readonly number[]) =>
          shapeSteps({ kind: 'delta' }, list).reduce((sum, value) => sum + value, 0)
        assert.ok(Math.abs(total(values) - values[0]!) < 1e-9)
        assert.ok(Math.abs(total([values[0]!, ...values]) - values[0]!) < 1e-9)
      }),
    )
  })
})

describe('a process reward', () => {
  /** Logits (0, position of the token among all). */
  const byPosition = (ids: readonly number[]) => ids.flatMap((_, i) => [0, i / 100])
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

  test('puts its separator behind each step and reads there', async () => {
    const spy = withNumbers(qwen2, (ids) => ids.flatMap((id) => (id === separatorId ? [0, 2] : [0, -9])))
    const [verdict] = await processReward('prm', spy, { separator }).score(question, [answer(solution)], never)
    assert.match(spy.fed[0]!, /25\.<extra_0>25.*20\.<extra_0>The.*20\.<extra_0><\|im_end\|>Ċ$/)
    assert.equal(verdict!.steps!.length, 3)
    for (const step of verdict!.steps!) assert.ok(Math.abs(step - sigmoid(2)) < 1e-7)
  })

  test('indexes steps by position: a probability that underflows to 0 is still a step', async () => {
    const spy = withNumbers(qwen2, (ids) => ids.flatMap(() => [2000, 0]))
    const [verdict] = await processReward('prm', spy, { separator }).score(question, [answer(solution)], never)
    assert.deepEqual(verdict?.steps, [0, 0, 0])
  })

  test('takes a separator in the answer apart, and refuses one in the prompt', async () => {
    const spy = withNumbers(qwen2, byPosition)
    const reward = processReward('prm', spy, { separator })
    const [verdict] = await reward.score(question, [answer(`a${separator}b\n\nc`)], never)
    assert.equal(verdict!.steps!.length, 2)
    const asked: Question = { ...question, messages: [{ role: 'user', content: `x ${separator}` }] }
    await assert.rejects(reward.score(asked, [answer('a')], never), { name: 'InvalidRequestError', param: 'messages' })
  })

  test('without a separator reads at the token of each step’s last character', async () => {
    const text = 'Zwölf. 日本語. Done. '
    const spy = withNumbers(llama, byPosition)
    const [verdict] = await processReward('prm', spy, { delimiter: '. ' }).score(question, [answer(text)], never)
    const ids = llama.tokenizer.encode(
      `<|im_start|>user\n${question.text}<|im_end|>\n<|im_start|>assistant\n${text}<|im_end|>\n`,
      false,
    ).ids
    const stops = ids.flatMap((id, i) => (llama.tokenizer.tokenOf(id)!.endsWith('.') ? [i] : []))
    const expected = stops.slice(-3).map((at) => sigmoid(at / 100))
    assert.equal(verdict!.steps!.length, 3)
    for (const [k, step] of verdict!.steps!.entries()) assert.ok(Math.abs(step - expected[k]!) < 1e-6)
  })

  test('judges every step as if the answer ended there: later tokens change nothing', async () => {
    const reward = processReward('prm', llama, {})
    const [whole] = await reward.score(question, [answer(solution)], never)
    const [begun] = await reward.score(question, [answer(solution.slice(0, 20), { finished: false })], never)
    assert.equal(begun!.steps!.length, 1)
    assert.ok(Math.abs(begun!.steps![0]! - whole!.steps![0]!) < 1e-5)
  })

  test('leaves an unfinished last step out unless it is asked for', async () => {
    const text = 'One.\n\nTwo.\n\nThr'
    const steps = async (finished: boolean, unfinished?: 'score' | 'skip') => {
      const reward = processReward('prm', llama, { unfinished })
      return (await reward.score(question, [answer(text, { finished })], never))[0]!.steps!.length
    }
    assert.deepEqual([await steps(true), await steps(false), await steps(false, 'score')], [3, 2, 3])
  })

  test('finds no step: nothing worse once the answer is finished, neutral before', async () => {
    for (const [aggregate, neutral] of [
      ['product', 1],
      ['min', 1],
      ['last', 0.5],
      ['mean', 0.5],
    ] as const) {
      const reward = processReward('prm', llama, { aggregate })
      const [verdict] = await reward.score(question, [answer('Thr', { finished: false })], never)
      assert.deepEqual(verdict, { score: neutral, attributes: undefined, steps: [] })
      const [over] = await reward.score(question, [answer(' \n\n ')], never)
      assert.equal(over!.score, Number.NEGATIVE_INFINITY)
    }
    const shaped = processReward('prm', llama, { shaping: { kind: 'delta' } })
    assert.equal((await shaped.score(question, [answer('', { finished: false })], never))[0]!.score, 0)
  })

  test('that gives the wrong number of scores, or NaN, is an error', async () => {
    for (const numbers of [
      (ids: readonly number[]) => ids.map(() => 0),
      (ids: readonly number[]) => ids.flatMap(() => [Number.NaN, 0]),
    ]) {
      const reward = processReward('prm', withNumbers(llama, numbers))
      await assert.rejects(reward.score(question, [answer('a')], never), { name: 'RewardError', reward: 'prm' })
    }
  })

  test('that is longer than the context is refused with both numbers', async () => {
    const small = await openRandom('llama-tokens', 64)
    const reward = processReward('prm', small)
    await assert.rejects(reward.score(question, [answer('word '.repeat(90))], never), {
      name: 'InvalidRequestError',
      param: 'alignment',
      message: /at most 64 tokens.* have \d{3}/,
    })
    await small.close()
  })

  test('is refused without what it needs', async () => {
    const pooled = await openRandom('llama-score')
    assert.throws(() => processReward('prm', pooled), /no scores at every token/)
    assert.throws(() => processReward('prm', llama, { separator: 'no such token' }), /is not one of its tokens/)
    assert.throws(
      () => processReward('prm', llama, { positiveLabel: 'good' }),
      /no label 'good'; there are: negative, positive/,
    )
    assert.throws(
      () => processReward('prm', llama, { aggregate: 'min', shaping: { kind: 'delta' } }),
      /no aggregate beside/,
    )
    await pooled.close()
  })

  test('reads a completion as one text', async () => {
    const spy = withNumbers(llama, byPosition)
    const completion: Question = { messages: undefined, text: 'Count: ', references: undefined }
    const [verdict] = await processReward('prm', spy).score(completion, [answer('one.\n\ntwo.')], never)
    assert.equal(verdict!.steps!.length, 2)
    assert.equal(spy.fed[0], 'Count:Ġone.ĊĊtwo.')
  })
})
