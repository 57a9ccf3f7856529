import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WireAlignment, WireToken } from '../../web/api/chat-stream.ts'
import { advanced, emptyAnswer } from '../../web/state/answer.ts'
import { genealogy } from '../../web/state/genealogy.ts'
import { heatOf, lift, pushes, tokenViews } from '../../web/state/token-view.ts'

const encoder = new TextEncoder()
const token = (text: string, logprob: number, others: readonly [string, number][] = []): WireToken => {
  const bytes = [...encoder.encode(text)]
  const top = others.map(([other, said]) => ({ token: other, logprob: said, bytes: [...encoder.encode(other)] }))
  return { token: text, logprob, bytes, top_logprobs: top }
}

const spent = { returned: 1, generated: 1, guide: 1, reward_calls: 0 }
const traced = (tokens: readonly object[]) =>
  ({
    method: 'genarm',
    seed: 1,
    tokens: spent,
    trace: { base_weight: 1, weights: { kind: 2 }, tokens },
  }) as unknown as WireAlignment

const [half, tenth] = [Math.log(0.5), Math.log(0.1)]

test('a token is shown with what base and guide said of it and of its rivals', () => {
  const streamed = [
    token('good', half, [
      ['good', half],
      ['bad', tenth],
    ]),
  ]
  const trace = traced([
    {
      logprob: half,
      base_logprob: tenth,
      guides: { kind: -1 },
      top: [
        { logprob: half, base_logprob: tenth, guides: { kind: -1 } },
        { logprob: tenth, base_logprob: half, guides: { kind: -2 } },
      ],
    },
  ])
  const [view] = tokenViews(streamed, trace)
  assert.equal(lift(view!), half - tenth)
  assert.deepEqual(view!.pulls, { kind: -2 })
  assert.deepEqual(
    view!.options.map(({ text, drawn, pulls }) => [text, drawn, pulls['kind']]),
    [
      ['good', true, -2],
      ['bad', false, -4],
    ],
  )
  // the average by the base is (0.1 * -2 + 0.5 * -4) / 0.6
  const mean = -2.2 / 0.6
  for (const [i, push] of [-2 - mean, -4 - mean].entries())
    assert.ok(Math.abs(pushes(view!.options, 'kind')[i]! - push) < 1e-12)
  assert.ok(heatOf(view!, 'kind')! > 0)
  assert.equal(heatOf(view!, undefined), half - tenth)
})

test('before the trace has come nothing is heated; a drawn token beyond its rivals is put last', () => {
  const [view] = tokenViews([token('odd', -5, [['good', half]])], undefined)
  assert.equal(heatOf(view!, undefined), undefined)
  assert.equal(heatOf(view!, 'kind'), undefined)
  assert.deepEqual(
    view!.options.map(({ text, drawn }) => [text, drawn]),
    [
      ['good', false],
      ['odd', true],
    ],
  )
})

test('a character of several tokens shows where it is complete', () => {
  const bytes = [...encoder.encode('é')]
  const parts = bytes.map((byte): WireToken => ({ token: '\ufffd', logprob: -1, bytes: [byte], top_logprobs: [] }))
  assert.deepEqual(
    tokenViews([token('caf', -1), ...parts, token('!', -1)], undefined).map(({ text }) => text),
    ['caf', '', 'é', '!'],
  )
})

test('the tree follows the ancestors, and its marked line ends in the answer', () => {
  const steps = [
    { tokens: 2, ess: 1.5, resampled: true, rewards: [0, 1, null], ancestors: [1, 1, 0], texts: ['a', 'b', 'c'] },
    { tokens: 4, ess: 3, resampled: false, rewards: [2, 3, 4], ancestors: [0, 1, 2], texts: ['x', 'y', 'z'] },
  ] as const
  const tree = genealogy({ n: 3, collapsed: false, chosen: 1, steps: steps.map((step) => ({ ...step })) } as never)
  assert.deepEqual(
    tree.map((step) => step.map(({ text }) => text)),
    [
      ['a', 'b', 'c'],
      ['bx', 'by', 'az'],
    ],
  )
  assert.deepEqual(
    tree.map((step) => step.map(({ parent }) => parent)),
    [
      [undefined, undefined, undefined],
      [1, 1, 0],
    ],
  )
  assert.deepEqual(
    tree.map((step) => step.findIndex(({ streamed }) => streamed)),
    [1, 1],
  )
  assert.deepEqual(
    tree[0]!.map(({ lost }) => lost),
    [false, false, true],
  )
})

test("an answer starts anew with its first words, and keeps the past's account until its own is there", () => {
  const past = { ...emptyAnswer, status: 'waiting' as const, text: 'old', alignment: traced([]) }
  const first = advanced(past, { type: 'text', text: 'new', tokens: [token('new', -1)] }, 5)
  assert.deepEqual([first.text, first.status, first.firstMs, first.alignment], ['new', 'streaming', 5, undefined])
  assert.equal(first.previous, past.alignment)
  const end = advanced(first, { type: 'end', finishReason: 'stop', alignment: undefined }, 9)
  assert.deepEqual([end.text, end.status, end.wholeMs], ['new', 'done', 9])
  const wordless = advanced(past, { type: 'end', finishReason: 'stop', alignment: undefined }, 9)
  assert.deepEqual([wordless.text, wordless.status], ['', 'done'])
})
