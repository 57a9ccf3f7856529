import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedScratch, drawAllowed } from '../../src/decoding/grammar/allowed-draw.ts'
import { mixLogits } from '../../src/decoding/mix.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { selectionScratch } from '../../src/decoding/top-logits.ts'
import { assertLaw, lawOfDraw, softmax } from '../sampling/law-of-draw.ts'
import { samplingParams } from '../sampling/params.ts'
import { accepts, allowedIds, byteGrammars, stateAfter, tokens } from './byte-vocabulary.ts'

const grammar = byteGrammars().get({
  type: 'json-schema',
  schema: { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' } }, required: ['name'] },
})

/** A base and two guides over the vocabulary; the wave lengths have nothing to do with one another. */
const rows = [1.7, 0.31, 5.3].map((step) => Float64Array.from(tokens, (_, id) => 3 * Math.sin(step * (id + 1))))
const weights = [1, 0.8, -0.5]

/** The law that is drawn from after a text. */
function drawnLaw(text: string, params: SamplingParams): number[] {
  const state = stateAfter(grammar, text)!
  const scratch = { selection: selectionScratch(tokens.length), allowed: allowedScratch(tokens.length) }
  const allowed = { mask: grammar.allowed(state), ends: [0], complete: state.complete }
  const mixed = new Float64Array(tokens.length)
  mixLogits(mixed, rows, weights)
  return lawOfDraw((u) => drawAllowed(mixed, allowed, params, u, scratch), tokens.length)
}

/** Mask and renormalise, written out. */
function maskedLaw(text: string, temperature: number): number[] {
  const state = stateAfter(grammar, text)!
  const ids = new Set([...allowedIds(grammar, state), ...(state.complete ? [0] : [])])
  const logits = tokens.map((_, id) => {
    if (!ids.has(id)) return Number.NEGATIVE_INFINITY
    return weights.reduce((sum, weight, k) => sum + weight * rows[k]![id]!, 0) / temperature
  })
  return softmax(logits)
}

for (const text of [
  '',
  '{',
  '{"name"',
  '{"name":"',
  '{"name":"a\\',
  '{"name":"é',
  '{"name":"a"',
  '{"name":"a","age":1',
  '{"name":"a"}',
])
  for (const temperature of [0.6, 1, 1.7])
    test(`after ${text || 'nothing'}, at temperature ${temperature}: the mixture's law, without the forbidden tokens`, () => {
      assertLaw(drawnLaw(text, samplingParams({ temperature })), maskedLaw(text, temperature))
    })

test('filters see the allowed tokens only', () => {
  const law = drawnLaw('{"name":"', samplingParams({ topK: 3 }))
  const masked = maskedLaw('{"name":"', 1)
  const best = [...masked.keys()].sort((a, b) => masked[b]! - masked[a]!).slice(0, 3)
  const mass = best.reduce((sum, id) => sum + masked[id]!, 0)
  assertLaw(
    law,
    masked.map((p, id) => (best.includes(id) ? p / mass : 0)),
  )
})

test('temperature 0 takes the most likely allowed token, and tells its probability at temperature 1', () => {
  const law = maskedLaw('{"name":"', 1)
  const state = stateAfter(grammar, '{"name":"')!
  const mixed = new Float64Array(tokens.length)
  mixLogits(mixed, rows, weights)
  const scratch = { selection: selectionScratch(tokens.length), allowed: allowedScratch(tokens.length) }
  const allowed = { mask: grammar.allowed(state), ends: [0], complete: state.complete }
  const draw = drawAllowed(mixed, allowed, samplingParams({ temperature: 0, topLogprobs: 2 }), 0.9, scratch)
  assert.equal(law[draw.id], Math.max(...law))
  assert.ok(Math.abs(draw.logprob - Math.log(law[draw.id]!)) < 1e-12)
  assert.deepEqual(
    draw.top!.map(({ id }) => id),
    [...law.keys()].sort((a, b) => law[b]! - law[a]!).slice(0, 2),
  )
})

test('an end-of-sequence token is possible where the text is complete, and nowhere else', () => {
  for (const [text, possible] of [
    ['{"name":"a"', false],
    ['{"name":"a"}', true],
    ['', false],
  ] as const)
    assert.equal(drawnLaw(text, samplingParams())[0]! > 0, possible, text)
})

test('tokens that reach over the end of a rule are judged by what called it', () => {
  const masked = maskedLaw('{"name":"', 1)
  const id = (text: string) => tokens.findIndex((bytes) => Buffer.from(bytes).toString() === text)
  assert.ok(masked[id('",')]! > 0)
  assert.ok(masked[id('"}')]! > 0)
  // the member is no list and no object in another
  assert.equal(masked[id('"]')], 0)
  assert.equal(maskedLaw('{"name":"a","age":3', 1)[id('",')], 0)
})

test('near the limit just those tokens are left out after which no text of so many bytes is complete', () => {
  const strings = byteGrammars().get({
    type: 'json-schema',
    schema: { type: 'array', items: { type: 'string' }, maxItems: 2 },
  })
  const near = (text: string, left: number) => {
    const mask = strings.allowedWithin(stateAfter(strings, text)!, left)
    return tokens.flatMap((bytes, id) =>
      (mask[id >> 5]! >> (id & 31)) & 1 ? [Buffer.from(bytes).toString('latin1')] : [],
    )
  }
  // a quote, the bracket, and the token that ends the answer
  assert.deepEqual(near('["a', 3), ['"', '{"', '"]'])
  assert.ok(near('["a', 4).includes('b') && !near('["a', 4).includes('\\'))
  assert.ok(near('["a', 5).includes('\\'))
  assert.ok(!near('["a"', 4).includes(',') && near('["a"', 5).includes(','))
  // nothing helps any more, so nothing is left out
  assert.ok(near('["a', 2).includes('\\'))
  assert.ok(accepts(strings, '["a",""]'))
})

test('with one token left, a complete answer ends or stays complete', () => {
  const numbers = byteGrammars().get({ type: 'json-schema', schema: { type: 'number' } })
  const last = (text: string, mayEnd: boolean) => {
    const mask = numbers.allowedWithin(stateAfter(numbers, text)!, 1, mayEnd)
    return tokens.flatMap((bytes, id) => ((mask[id >> 5]! >> (id & 31)) & 1 ? [Buffer.from(bytes).toString()] : []))
  }
  assert.deepEqual(last('1', true), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '12', '0.5'])
  // sixteen digits are too many, and neither a point nor an exponent is whole
  assert.deepEqual(last('123456789012345', true), [])
  // where no token ends an answer, it goes on as far as it gets
  assert.deepEqual(last('123456789012345', false), ['.', 'E', 'e'])
})
