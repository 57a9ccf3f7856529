import assert from 'node:assert/strict'
import { test } from 'node:test'
import { childSeed } from '../../src/decoding/rng.ts'
import { choices } from '../../src/guidance/choices.ts'
import { sample } from '../../src/guidance/sample.ts'
import { mixedRow, ToyDecoder } from '../laws/toy-decoder.ts'
import { scrambled } from '../laws/toy-request.ts'
import { softmax } from '../sampling/law-of-draw.ts'
import { eventsOf, never, strategyContract, textsOf, toyRequest } from './strategy-contract.ts'

strategyContract('sample', sample, 1)
strategyContract('one choice', choices(1), 1)
strategyContract('three choices', choices(3), 3)

test('n choices prefill once and fork the rest; each is the sample of its own seed', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const texts = textsOf(await eventsOf(choices(4), toyRequest(), decoder))
  assert.deepEqual([decoder.prefills, decoder.forks], [1, 3])
  for (const [index, text] of texts.entries()) {
    const seed = index === 0 ? 7n : childSeed(7n, index)
    assert.deepEqual(textsOf(await eventsOf(sample, toyRequest({ seed }))), [text])
  }
})

test('choices stream side by side', async () => {
  const events = await eventsOf(choices(3), toyRequest({ ignoreEos: true, maxTokens: 5 }))
  for (const round of [0, 3, 6]) {
    assert.deepEqual(
      events
        .slice(round, round + 3)
        .map(({ index }) => index)
        .sort(),
      [0, 1, 2],
    )
  }
})

test('a fork that finds no room releases what was opened', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  decoder.fork = () => {
    throw new Error('no room')
  }
  await assert.rejects(() => eventsOf(choices(2), toyRequest(), decoder), /no room/)
  assert.equal(decoder.live.size, 0)
})

test('an end counts returned and generated tokens: end-of-sequence and stop strings are not returned', async () => {
  const ended = new Set<string>()
  for (let seed = 0n; seed < 30n; seed++) {
    const events = await eventsOf(sample, toyRequest({ seed, stop: ['ab'] }))
    const end = events.find((event) => event.type === 'choice-end')!
    const [text] = textsOf(events)
    assert.equal(end.returnedTokens, text!.length)
    assert.ok(!text!.includes('ab'))
    const byToken = end.finishReason === 'stop' && end.generatedTokens === end.returnedTokens + 1
    if (end.endDraw !== undefined) assert.deepEqual([byToken, end.endDraw.id], [true, 2])
    ended.add(end.endDraw === undefined ? end.finishReason : 'end token')
    if (end.finishReason === 'length') assert.equal(end.generatedTokens, 6)
    else assert.ok(end.generatedTokens > end.returnedTokens)
  }
  assert.ok(ended.has('end token') && ended.has('stop'))
})

test('an aborted request computes nothing', async () => {
  const decoder = new ToyDecoder(scrambled, 2)
  const run = async () => {
    for await (const _ of choices(2)(toyRequest(), decoder, AbortSignal.abort(new Error('gone')))) {
    }
  }
  await assert.rejects(run, /gone/)
  assert.deepEqual([decoder.live.size, decoder.steps], [0, 0])
  assert.equal(never.aborted, false)
})

test('wiring: first tokens over seeds follow the guided law (chi-square, fixed seeds)', async () => {
  const request = toyRequest({ maxTokens: 1, ignoreEos: true }, { guides: [{ guide: 'positive', weight: 0.8 }] })
  const law = softmax(mixedRow(request.terms, [], scrambled))
  const counts = [0, 0, 0]
  const draws = 10_000
  for (let seed = 0n; seed < BigInt(draws); seed++) {
    const decoder = new ToyDecoder(scrambled, 2)
    const sequence = decoder.open({ ...request, sampling: { ...request.sampling, seed } })
    for await (const delta of decoder.advance(sequence, 1, never)) counts[delta.draws[0]!.id]! += 1
  }
  const chiSquare = counts.reduce((sum, count, id) => sum + (count - draws * law[id]!) ** 2 / (draws * law[id]!), 0)
  assert.ok(chiSquare < 27.6, `chi-square ${chiSquare} with 2 degrees of freedom (p = 1e-6 at 27.6)`)
})
