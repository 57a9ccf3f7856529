import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { extractAnswer } from '../../src/rm/extract-answer.ts'

const found: readonly (readonly [text: string, answer: string | undefined])[] = [
  ['31 - 6 = 25. 25 - 5 = 20. The answer is 20.', '20'],
  ['The answer is 1,000.', '1000'],
  ['The answer is 1000.0', '1000'],
  ['The answer is $1,000.00.', '1000'],
  ['So the final answer is: 3.50 dollars. Goodbye!', '3.5'],
  ['The answer is 18 red apples.', '18'],
  ['First, the answer is 4. No, wait. The answer is 5.', '5'],
  ['The answer is 7. So \\boxed{8} it is.', '8'],
  ['\\boxed{3} and then \\boxed{\\frac{1}{2}}', '1/2'],
  ['\\boxed{\\text{Blue  Whale}}', 'blue whale'],
  ['$\\boxed{ 12\\% }$', '12'],
  ['\\boxed{12{,}345}', '12345'],
  ['\\boxed{90^\\circ}', '90'],
  ['\\boxed{-0.0}', '0'],
  ['\\boxed{−07}', '-7'],
  ['\\boxed{(1, 2)}', '(1, 2)'],
  ['They have 3 cats, 4 dogs and 12 birds', '12'],
  ['a half is 1/2', '1/2'],
  ['never closed \\boxed{5', '5'],
  ['no idea', undefined],
  ['', undefined],
  ['\\boxed{}', undefined],
  ['The answer is 123456789012345678901234567890.', '123456789012345678901234567890'],
]

for (const [text, answer] of found)
  test(`${JSON.stringify(text)} answers ${answer}`, () => assert.equal(extractAnswer(text), answer))

test('a configured pattern replaces the conventions; its last match counts', () => {
  assert.equal(extractAnswer('#### 3\n#### 1,204', '^#### (.+)$'), '1204')
  assert.equal(extractAnswer('Choice (A), or rather (B). The answer is 5.', '\\(([A-D])\\)'), 'b')
  assert.equal(extractAnswer('The answer is 5.', '^#### (.+)$'), undefined)
})

test("a pattern that is none, or never ends, is the request's fault", () => {
  for (const pattern of ['(', '^(a+)+$'])
    assert.throws(
      () => extractAnswer(`${'a'.repeat(60)}!`, pattern),
      (error) => error instanceof InvalidRequestError && error.param === 'alignment.best_of.answer',
    )
})
