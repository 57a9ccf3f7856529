import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sample } from '../../src/guidance/sample.ts'
import { type TokenTrace, traceToken, traceWeights } from '../../src/guidance/trace.ts'
import { ToyDecoder, termLogprobs } from '../laws/toy-decoder.ts'
import { aligned, scrambled } from '../laws/toy-request.ts'
import { softmax } from '../sampling/law-of-draw.ts'
import { samplingParams } from '../sampling/params.ts'
import { eventsOf } from './strategy-contract.ts'

const requests: unknown[] = [
  {},
  { guides: [{ guide: 'positive', weight: 0.8 }] },
  { guides: [{ guide: 'own-arm' }, { guide: 'formal', weight: -0.5 }, { guide: 'positive', weight: 0.1 }] },
  { guides: [{ guide: 'reasoner' }, { guide: 'brief', weight: 1.5 }, { guide: 'proxy', weight: -1 }] },
  { guides: [{ contrast: ['tuned', 'untuned'] }, { contrast: ['untuned', 'other'] }] },
  { guides: [{ guide: 'positive' }, { guide: 'formal' }], compat: 'model_arithmetic' },
  { preferences: { kind: 0.4, sound: -0.5 }, guides: [{ guide: 'positive', weight: -1 }, { principle: 'positive' }] },
]

const letterOf = (id: number) => String.fromCharCode(0x61 + id)

test("a token's logprob is the log-softmax of base + sum of weight * a_k, all read off the trace", async () => {
  for (const json of requests) {
    const { terms, readings, baseWeight } = aligned({ ...(json as object), trace: true })
    const weights = traceWeights(readings)
    const scores = [0, 1, 2].map((id) => {
      const draw = { id, logprob: 0, top: undefined, termLogprobs: termLogprobs(terms, [], id, scrambled) }
      return scoreOf(traceToken(draw, '', readings, letterOf))
    })
    const offline = softmax(scores)
    for (let seed = 0n; seed < 10n; seed++) {
      const trace = await firstTrace(seed)
      assert.ok(Math.abs(scoreOf(trace) - scores[trace.id]!) < 1e-12)
      assert.ok(Math.abs(trace.logprob - Math.log(offline[trace.id]!)) < 1e-10)
    }

    function scoreOf({ baseLogprob, guides }: TokenTrace): number {
      assert.deepEqual(Object.keys(guides), Object.keys(weights))
      return Object.keys(guides).reduce((sum, name) => sum + weights[name]! * guides[name]!, baseWeight * baseLogprob)
    }

    async function firstTrace(seed: bigint): Promise<TokenTrace> {
      const request = { terms, sampling: samplingParams({ seed, maxTokens: 1, trace: true }) }
      const events = await eventsOf(sample, request, new ToyDecoder(scrambled, undefined))
      const [delta] = events.filter((event) => event.type === 'choice-delta')
      return traceToken(delta!.draws[0]!, delta!.text, readings, letterOf)
    }
  }
})

test('a draw without term log-probabilities cannot be traced', () => {
  const draw = { id: 0, logprob: 0, top: undefined, termLogprobs: undefined }
  assert.throws(() => traceToken(draw, 'a', [], letterOf), /without trace/)
})

test('alternatives are read like the drawn token, and stay unread where only the drawn one was', () => {
  const { readings } = aligned({ guides: [{ guide: 'positive', weight: 0.8 }], trace: true })
  const top = [
    { id: 1, logprob: -0.3, termLogprobs: [-0.7, -0.2] },
    { id: 2, logprob: -1.4 },
  ]
  const draw = { id: 1, logprob: -0.3, top, termLogprobs: [-0.7, -0.2] }
  const trace = traceToken(draw, 'b', readings, letterOf)
  assert.deepEqual(trace.guides, { positive: -0.2 })
  assert.deepEqual(trace.top, [
    { id: 1, text: 'b', logprob: -0.3, baseLogprob: -0.7, guides: { positive: -0.2 } },
    { id: 2, text: 'c', logprob: -1.4, baseLogprob: undefined, guides: undefined },
  ])
})
