import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Question, Reward, Verdict } from '../../src/rm/reward.ts'

export const never = new AbortController().signal

export const question: Question = {
  messages: [{ role: 'user', content: 'Compute 31 - 6 - 5.' }],
  text: 'Compute 31 - 6 - 5.',
  references: ['31 - 6 = 25. 25 - 5 = 20. The answer is 20.'],
}

export const answer = (text: string, changes: Partial<Answer> = {}): Answer => ({
  text,
  ids: undefined,
  finished: true,
  ...changes,
})

/** Answers that differ to most rewards: right and wrong sums, JSON, praise, blame, the empty text. */
export const someAnswers: readonly Answer[] = [
  '31 - 6 = 25. 25 - 5 = 20. The answer is 20.',
  '31 - 6 = 24. 24 - 5 = 19. The answer is 19.',
  '{"a": 1}',
  'The coffee was very good.',
  'We thought the soup was terrible. Never again!',
  '',
  'é 日本語 🎉',
].map((text) => answer(text))

export interface ContractOptions {
  readonly question?: Question
  readonly answers?: readonly Answer[]
  /** Largest difference between an answer's scores in two calls, for rewards whose batches differ in their last bits. */
  readonly tolerance?: number
}

/** What every reward must keep to; each calls this from its own test file. */
export function rewardContract(
  title: string,
  open: () => Reward | Promise<Reward>,
  options: ContractOptions = {},
): void {
  const { question: asked = question, answers = someAnswers, tolerance = 0 } = options
  const judge = async (list: readonly Answer[], signal = never) => await (await open()).score(asked, list, signal)
  const same = (one: readonly Verdict[], other: readonly Verdict[]) => assertSame(one, other, tolerance)

  test(`${title}: no answers have no verdicts`, async () => {
    assert.deepEqual(await judge([]), [])
  })

  test(`${title}: every answer has a score that is finite or -Infinity, within the range`, async () => {
    const verdicts = await judge(answers)
    const { range } = (await open()).traits
    assert.equal(verdicts.length, answers.length)
    for (const { score, attributes, steps } of verdicts) {
      assert.ok(Number.isFinite(score) || score === Number.NEGATIVE_INFINITY, `${score}`)
      for (const part of [...Object.values(attributes ?? {}), ...(steps ?? [])]) assert.ok(!Number.isNaN(part))
      if (range !== undefined && Number.isFinite(score)) assert.ok(range[0] <= score && score <= range[1], `${score}`)
    }
  })

  test(`${title}: verdicts follow the order of the answers`, async () => {
    const reversed = await judge([...answers].reverse())
    same([...reversed].reverse(), await judge(answers))
  })

  test(`${title}: the same answer has the same score, in one list and in two calls`, async () => {
    const [first, second] = await judge([answers[0]!, answers[0]!])
    same([first!], [second!])
    same(await judge(answers), await judge(answers))
  })

  test(`${title}: an answer's score depends on the others only where the reward says so`, async () => {
    if ((await open()).traits.relative) return
    const alone = await Promise.all(answers.map(async (one) => (await judge([one]))[0]!))
    same(alone, await judge(answers))
  })

  test(`${title}: an abort rejects with its reason`, async () => {
    const gone = new Error('gone')
    await assert.rejects(judge(answers, AbortSignal.abort(gone)), gone)
  })

  test(`${title}: beginnings are judged, or refused, as declared`, async () => {
    const beginnings = answers.map(({ text }) => answer(text.slice(0, 15), { finished: false }))
    if ((await open()).traits.partial) for (const { score } of await judge(beginnings)) assert.ok(!Number.isNaN(score))
    else await assert.rejects(judge(beginnings), /unfinished/)
  })
}

function assertSame(one: readonly Verdict[], other: readonly Verdict[], tolerance: number): void {
  assert.equal(one.length, other.length)
  if (tolerance === 0) assert.deepEqual(one, other)
  for (const [i, { score }] of one.entries())
    assert.ok(score === other[i]!.score || Math.abs(score - other[i]!.score) <= tolerance, `answer ${i}`)
}
