import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { checkSum } from '../../eval/sum-checker.ts'
import { arithmeticReward } from '../../src/rm/arithmetic.ts'
import { longestText } from '../../src/rm/bounded-search.ts'
import { jsonSchemaReward } from '../../src/rm/json-schema.ts'
import { lengthOf, lengthReward } from '../../src/rm/length.ts'
import { regexReward } from '../../src/rm/regex.ts'
import type { Reward } from '../../src/rm/reward.ts'
import { RewardError } from '../../src/rm/reward-error.ts'
import { plainVerdict, ruleReward } from '../../src/rm/reward-verdicts.ts'
import { answer, never, question } from './reward-contract.ts'

const scoreOf = async (reward: Reward, text: string, finished = true, asked = question) =>
  (await reward.score(asked, [answer(text, { finished })], never))[0]!

const band = (min: number, max: number) => ({ min, max })

for (const [unit, text, length] of [
  ['words', 'Don’t stop me now: 3.5 miles!', 6],
  ['words', '我们去北京', 3],
  ['sentences', 'It was good. We came back! Did you?', 3],
  ['sentences', '', 0],
  ['characters', 'né🎉', 3],
] as const)
  test(`${JSON.stringify(text)} has ${length} ${unit}`, async () => {
    const reward = lengthReward('length', unit, band(length, length), undefined)
    assert.equal((await scoreOf(reward, text)).score, 0)
    assert.equal((await scoreOf(lengthReward('length', unit, band(100, 100), undefined), text)).score, length - 100)
  })

test('length: minus the distance to the band; a beginning is never too short', async () => {
  const reward = lengthReward('length', 'characters', band(3, 5), undefined)
  const scores = await Promise.all(['', 'ab', 'abc', 'abcde', 'abcdefgh'].map((text) => scoreOf(reward, text)))
  assert.deepEqual(
    scores.map(({ score }) => score),
    [-3, -1, 0, 0, -3],
  )
  assert.equal((await scoreOf(reward, 'ab', false)).score, 0)
  assert.equal((await scoreOf(reward, 'abcdefgh', false)).score, -3)
})

test('length: tokens need a tokenizer', () => {
  assert.throws(() => lengthReward('short', 'tokens', band(0, 3), undefined), /'short' counts tokens/)
})

test('regex: 1 or 0, or how often', async () => {
  const match = regexReward('regex', { pattern: '^the\\b', flags: 'im', score: 'match' })
  const count = regexReward('regex', { pattern: 'o+', flags: '', score: 'count' })
  for (const [text, matches, counted] of [
    ['Well,\nThe soup', 1, 1],
    ['soup, the good', 0, 2],
    ['', 0, 0],
  ] as const) {
    assert.equal((await scoreOf(match, text)).score, matches)
    assert.equal((await scoreOf(match, text)).score, matches)
    assert.equal((await scoreOf(count, text)).score, counted)
  }
})

test('regex: a search without end and a text without end fail the reward', async () => {
  const catastrophic = regexReward('evil', { pattern: '^(a+)+$', flags: '', score: 'match' })
  await assert.rejects(scoreOf(catastrophic, `${'a'.repeat(60)}!`), (error) => {
    return error instanceof RewardError && error.reward === 'evil' && /simplify the pattern/.test(error.message)
  })
  assert.equal((await scoreOf(catastrophic, 'aaa')).score, 1)
  await assert.rejects(scoreOf(catastrophic, 'a'.repeat(longestText + 1)), RewardError)
})

test('regex: what is no pattern is refused at once', () => {
  assert.throws(() => regexReward('regex', { pattern: '(', flags: '', score: 'match' }), SyntaxError)
})

const schema = {
  type: 'object',
  properties: { a: { type: 'integer', minimum: 1 } },
  required: ['a'],
  additionalProperties: false,
}
for (const [text, score] of [
  ['{"a": 1}', 1],
  [' {"a": 2}\n', 1],
  ['{"a": 0}', 0.5],
  ['{"a": 1, "b": 2}', 0.5],
  ['null', 0.5],
  ['{"a": 1', 0],
  ['Here: {"a": 1}', 0],
  ['', 0],
] as const)
  test(`json: ${JSON.stringify(text)} scores ${score}`, async () => {
    assert.equal((await scoreOf(jsonSchemaReward('json', schema), text)).score, score)
  })

test('json: draft 7 and 2020-12 schemas compile, mistakes do not', async () => {
  const draft7 = { $schema: 'http://json-schema.org/draft-07/schema#', items: [{ type: 'string' }], type: 'array' }
  assert.equal((await scoreOf(jsonSchemaReward('json', draft7), '["x", 2]')).score, 1)
  const latest = { $schema: 'https://json-schema.org/draft/2020-12/schema', prefixItems: [{ type: 'string' }] }
  assert.equal((await scoreOf(jsonSchemaReward('json', latest), '[1]')).score, 0.5)
  assert.throws(() => jsonSchemaReward('json', { type: 'objekt' }))
  assert.throws(() => jsonSchemaReward('json', { propertys: {} }), /propertys/)
})

const sums: readonly (readonly [text: string, right: number, steps: number[], share: number, sound: number])[] = [
  ['31 - 6 = 25. 25 - 5 = 20. The answer is 20.', 1, [1, 1], 1, 1],
  ['31 - 6 = 24. 24 - 5 = 19. The answer is 19.', 0, [0, 1], 0.5, 0],
  ['31 - 6 = 24. 24 - 5 = 20. The answer is 20.', 1, [0, 0], 0, 0],
  ['31 - 6 = 25. The answer is 20.', 1, [1], 0.5, 0],
  ['31 + 6 = 37. 37 - 5 = 32. The answer is 32.', 0, [0, 1], 0.5, 0],
  ['The answer is 20.', 1, [], 0, 0],
  ['So: 31 - 6 = 25. 25 - 5 = 20. The answer is 20.', 1, [1, 1], 1, 0],
  ['31 - 6 = 25. 25 - 5 = 20. 20 - 0 = 20. The answer is 20.', 1, [1, 1, 0], 2 / 3, 0],
  ['', 0, [], 0, 0],
]
for (const [text, right, steps, share, sound] of sums)
  test(`arithmetic: ${text || 'nothing'}`, async () => {
    const verdict = await scoreOf(arithmeticReward('sums', 'steps'), text)
    assert.deepEqual(verdict, { score: share, attributes: { right, steps: share, sound }, steps })
    assert.equal((await scoreOf(arithmeticReward('sums', 'sound'), text)).score, sound)
  })

test('arithmetic: a beginning is as sound as its steps so far', async () => {
  const reward = arithmeticReward('sums', 'sound')
  for (const [text, score] of [
    ['', 1],
    ['31 - 6', 1],
    ['31 - 6 = 25. 25 -', 1],
    ['31 - 6 = 26. 26 -', 0],
  ] as const)
    assert.equal((await scoreOf(reward, text, false)).score, score)
})

test('arithmetic: without a sum in the question the chain must hold in itself', async () => {
  const reward = arithmeticReward('sums', 'sound')
  const story = { ...question, text: 'Ann has 3 apples and buys 4. How many?' }
  for (const [text, score] of [
    ['3 + 4 = 7. The answer is 7.', 1],
    ['3 - 4 = -1. -1 + 2 = 1. The answer is 1.', 1],
    ['3 + 4 = 8. The answer is 8.', 0],
    ['3 + 4 = 7. 8 + 1 = 9. The answer is 9.', 0],
    ['The answer is 7.', 0],
  ] as const)
    assert.equal((await scoreOf(reward, text, true, story)).score, score)
})

test("arithmetic agrees with the grammar's own checker", async () => {
  const [sound, digit] = [arithmeticReward('sums', 'sound'), fc.integer({ min: 2, max: 9 })]
  const operator = fc.constantFrom('+', '-')
  const slip = fc.constantFrom(0, 0, 0, 10, -10)
  const law = fc.tuple(
    fc.integer({ min: 40, max: 69 }),
    fc.array(fc.tuple(operator, digit, slip), { minLength: 1, maxLength: 4 }),
  )
  await fc.assert(
    fc.asyncProperty(law, slip, async ([first, moves], last) => {
      let [value, truth, text, sum] = [first, first, '', `${first}`]
      for (const [o, b, wrong] of moves) {
        const result = Math.max(0, (o === '+' ? value + b : value - b) + wrong)
        text += `${value} ${o} ${b} = ${result}. `
        sum += ` ${o} ${b}`
        truth += o === '+' ? b : -b
        value = result
      }
      text += `The answer is ${Math.max(0, value + last)}.`
      const operands = [first, ...moves.map(([, b]) => b)]
      const expected = checkSum(text, { operands, operators: moves.map(([o]) => o), answer: truth })
      const verdict = await scoreOf(sound, text, true, { ...question, text: `Work out ${sum}.` })
      assert.equal(verdict.score, Number(expected.sound))
      assert.equal(verdict.attributes!['right'], Number(expected.right))
      assert.deepEqual(verdict.steps, expected.steps.map(Number))
    }),
  )
})

test('long texts are counted in pieces, none of which cuts a word or a sentence', () => {
  assert.equal(lengthOf('word '.repeat(20_000), 'words', undefined), 20_000)
  assert.equal(lengthOf('One more. Is it? '.repeat(2_000), 'sentences', undefined), 4_000)
})

for (const [what, schema, text] of [
  ['a pattern that backtracks', { pattern: '^(a+)+$' }, JSON.stringify(`${'a'.repeat(60)}!`)],
  [
    'members that are compared in pairs',
    { uniqueItems: true },
    JSON.stringify(Array.from({ length: 60_000 }, (_, i) => [i])),
  ],
] as const)
  test(`json: ${what} fails the reward before it stops the engine`, async () => {
    const reward = jsonSchemaReward('valid', { type: ['string', 'array'], ...schema })
    await assert.rejects(scoreOf(reward, text), (error) => {
      assert.ok(error instanceof RewardError)
      assert.match(error.message, /'valid' failed: validating an answer took over 250 ms/)
      return true
    })
    assert.equal((await scoreOf(reward, '"aaa"')).score, 1)
  })

/** Takes longer than a slice of the engine's time for each answer. */
const slow = ruleReward('slow', { partial: true, range: undefined }, () => () => {
  const start = performance.now()
  while (performance.now() - start < 15);
  return plainVerdict(0)
})
const fourAnswers = Array.from({ length: 4 }, () => answer('a'))

test('others have a turn between answers that take long to judge', async () => {
  let turns = 0
  let judging = true
  const count = () => {
    turns++
    if (judging) setImmediate(count)
  }
  setImmediate(count)
  await slow.score(question, fourAnswers, never)
  judging = false
  assert.ok(turns >= 3, `${turns} turns`)
})

test('others have a turn between requests whose one answer takes long to judge', async () => {
  let turns = 0
  let judging = true
  const count = () => {
    turns++
    if (judging) setImmediate(count)
  }
  setImmediate(count)
  await Promise.all(fourAnswers.map((one) => slow.score(question, [one], never)))
  judging = false
  assert.ok(turns >= 4, `${turns} turns`)
})

test('an abort ends the judging before the next answer that takes long', async () => {
  const controller = new AbortController()
  setImmediate(() => controller.abort(new Error('gone')))
  await assert.rejects(slow.score(question, fourAnswers, controller.signal), /gone/)
})
