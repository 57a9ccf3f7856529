import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LogitTerm } from '../../src/decoding/decoder.ts'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { enumeratedDecoder, type GuidedSetup, guidedRequest, localRow, term } from './guided-double.ts'
import { assertLaw, targetLaw } from './target-laws.ts'

/** The guide that is `inside` here is called `kind` there, and says what the local engine's `inside` would. */
const inside: GuidedSetup = { options: { guides: new Map([['kind', (ids) => [...localRow('inside', ids)]]]) } }

function request(terms: readonly LogitTerm[], sampling: Partial<SamplingParams> = {}) {
  const { speculation: _, ...plain } = guidedRequest(terms, sampling)
  return plain
}

const law = (terms: readonly LogitTerm[], sampling: Partial<SamplingParams> = {}, step?: number) =>
  assertLaw(
    request(terms, sampling),
    targetLaw(terms, 3, 0, sampling.temperature),
    (chance) => enumeratedDecoder(chance, inside).decoder,
    step,
  )

test('a guide inside the engine: the law is the target on the whole vocabulary', async () => {
  await law([term('base', 1), term('inside', 0.8)])
})

test('behind prompts of its own, with a weighted base, at a temperature', async () => {
  await law([term('base', 1.5), term('inside', -0.5, [1, 1]), term('inside', 0.7)], { temperature: 0.7 })
})

test('answers that pause and go on have the same law: the guide reads what was drawn before', async () => {
  await law([term('base', 1), term('inside', 0.8, [1])], {}, 1)
})

test('no call is made but the one that streams', async () => {
  const { decoder, double } = enumeratedDecoder(() => 0, inside)
  const sequence = decoder.open(request([term('base', 1), term('inside', 0.8)]))
  for await (const _ of decoder.advance(sequence, 3, new AbortController().signal)) {
  }
  assert.equal(double.calls.length, 1)
})

const refused = (terms: readonly LogitTerm[], sampling: Partial<SamplingParams>, setup: GuidedSetup = {}) => {
  const { decoder } = enumeratedDecoder(() => 0, { ...inside, ...setup })
  try {
    decoder.release(decoder.open(request(terms, sampling)))
    return undefined
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.param
    throw error
  }
}

test('what guides inside cannot give is refused by name', () => {
  const guided = [term('base', 1), term('inside', 0.8)]
  assert.equal(refused(guided, {}), undefined)
  assert.equal(refused(guided, { trace: true }), 'alignment.trace')
  assert.equal(refused(guided, { topLogprobs: 1 }), 'logprobs')
  assert.equal(refused(guided, { topLogprobs: 1 }, { abilities: { logprobs: 'processed' } }), undefined)
  const biased = { logitBias: new Map([[0, 1]]) }
  assert.equal(refused(guided, biased), undefined)
  assert.equal(refused([term('base', 1.5), term('inside', -0.5)], biased), 'logit_bias')
  assert.equal(refused([...guided, term('local', 1)], {}), 'alignment.guides')
  assert.equal(refused([...guided, term('base', 1, [1])], {}), 'alignment.guides')
  assert.equal(refused([term('inside', 1)], {}), 'model')
  const { decoder } = enumeratedDecoder(() => 0, inside)
  assert.throws(() => decoder.open(guidedRequest(guided)), /nothing is drafted/)
})
