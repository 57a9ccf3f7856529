import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { bleuAgainst, bleuReward } from '../../src/rm/bleu.ts'
import { bleuTokens } from '../../src/rm/bleu-tokens.ts'
import { answer, never, question } from './reward-contract.ts'

const cat = 'the cat is on the mat'
const bleu = (text: string, references: readonly string[]) => bleuAgainst(references)(text)
const near = (one: number, other: number) => assert.ok(Math.abs(one - other) < 5e-10, `${one} is not ${other}`)

test("BLEU has BLEUBERI's golden values", () => {
  near(bleu('the cat sat on the mat', [cat]), 0.488923022)
  near(bleu('the cat sat on the mat', [cat, 'a cat sat on the mat today']), 0.880111737)
  near(bleu('the cat', [cat]), 0.135335283)
  near(bleu(cat, [cat]), 1)
  assert.equal(bleu('', [cat]), 0)
})

test('the brevity penalty takes the shortest reference, not the closest', () => {
  near(bleu('the cat', [cat, 'the cat']), 1)
  near(bleu('a b c d e', ['a b c d e f', 'a']), 1)
})

const tokens: readonly (readonly [text: string, tokens: string])[] = [
  ['It costs $3.50, right?', 'It|costs|$|3.50|,|right|?'],
  ["Don't stop-me now.", "Don't|stop-me|now|."],
  ['1,000 and 5-6', '1,000|and|5|-|6'],
  ['<skipped>a-\nb\nc', 'ab|c'],
  ['&lt;x&gt; &amp; &quot;y&quot;', '<|x|>|&|"|y|"'],
  ['(a/b) [c] {d} e@f.', '(|a|/|b|)|[|c|]|{|d|}|e|@|f|.'],
  ['  ', ''],
]
for (const [text, expected] of tokens)
  test(`13a tokens of ${JSON.stringify(text)}`, () => assert.equal(bleuTokens(text).join('|'), expected))

test('only what stands in <answer> is compared', async () => {
  const asked = { ...question, references: [cat] }
  const texts = [`Well. <answer>${cat}</answer> There.`, '<answer></answer>', cat]
  const verdicts = await bleuReward('bleu').score(
    asked,
    texts.map((text) => answer(text)),
    never,
  )
  assert.deepEqual(
    verdicts.map(({ score }) => score),
    [1, 0, 1],
  )
})

for (const [references, param] of [
  [undefined, 'alignment.references'],
  [[], 'alignment.references'],
  [[cat, ' '], 'alignment.references[1]'],
] as const)
  test(`references ${JSON.stringify(references)} are refused`, async () => {
    const scoring = bleuReward('bleu').score({ ...question, references }, [answer('x')], never)
    await assert.rejects(scoring, (error) => error instanceof InvalidRequestError && error.param === param)
  })

test('the references are read once, whatever the number of answers', async () => {
  let reads = 0
  const asked = {
    ...question,
    get references() {
      reads++
      return [cat]
    },
  }
  const verdicts = await bleuReward('bleu').score(asked, [answer('the'), answer(cat)], never)
  assert.equal(verdicts[1]!.score, 1)
  assert.equal(reads, 1)
})
