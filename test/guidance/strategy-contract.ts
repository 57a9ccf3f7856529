import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import type { ChoiceEvent, Strategy } from '../../src/guidance/strategy.ts'
import { ToyDecoder } from '../laws/toy-decoder.ts'
import { aligned, scrambled } from '../laws/toy-request.ts'
import { samplingParams } from '../sampling/params.ts'

export function toyRequest(changes: Partial<SamplingParams> = {}, alignment: unknown = {}): SequenceRequest {
  return { terms: aligned(alignment).terms, sampling: samplingParams({ maxTokens: 6, ...changes }) }
}

export const never = new AbortController().signal

/** Runs a strategy to its end; what it says of its progress is left out. */
export async function eventsOf(strategy: Strategy, request: SequenceRequest, decoder = new ToyDecoder(scrambled, 2)) {
  const events: ChoiceEvent[] = []
  for await (const event of strategy(request, decoder, never)) if (event.type !== 'progress') events.push(event)
  assert.equal(decoder.live.size, 0, 'a sequence was left behind')
  return events
}

/** The text of each choice. */
export function textsOf(events: readonly ChoiceEvent[]): string[] {
  const texts: string[] = []
  for (const event of events) {
    texts[event.index] ??= ''
    if (event.type === 'choice-delta') texts[event.index] += event.text
  }
  return texts
}

/** What every strategy must keep to; each calls this from its own test file. */
export function strategyContract(title: string, strategy: Strategy, choiceCount: number): void {
  test(`${title}: every choice ends once, after its text`, async () => {
    const events = await eventsOf(strategy, toyRequest())
    const ends = events.filter(({ type }) => type === 'choice-end').map(({ index }) => index)
    assert.deepEqual(
      ends.sort(),
      Array.from({ length: choiceCount }, (_, index) => index),
    )
    for (const index of ends) {
      const own = events.filter((event) => event.index === index)
      assert.equal(
        own.findIndex(({ type }) => type === 'choice-end'),
        own.length - 1,
      )
    }
  })

  test(`${title}: the same seed gives the same text, another seed another`, async () => {
    const request = toyRequest({ ignoreEos: true, maxTokens: 12 })
    assert.deepEqual(textsOf(await eventsOf(strategy, request)), textsOf(await eventsOf(strategy, request)))
    const other = toyRequest({ ignoreEos: true, maxTokens: 12, seed: 8n })
    assert.notDeepEqual(textsOf(await eventsOf(strategy, request)), textsOf(await eventsOf(strategy, other)))
  })

  test(`${title}: a guide that cancels out changes no token`, async () => {
    const idle = {
      guides: [
        { guide: 'positive', weight: 0 },
        { guide: 'proxy', weight: 1 },
        { guide: 'proxy', weight: -1 },
      ],
    }
    for (let seed = 0n; seed < 20n; seed++) {
      const plain = await eventsOf(strategy, toyRequest({ seed }))
      assert.deepEqual(textsOf(await eventsOf(strategy, toyRequest({ seed }, idle))), textsOf(plain))
    }
  })

  test(`${title}: an abort surfaces its reason and releases everything`, async () => {
    const decoder = new ToyDecoder(scrambled, 2)
    const gone = new AbortController()
    const run = async () => {
      for await (const _ of strategy(toyRequest({ ignoreEos: true, maxTokens: 1000 }), decoder, gone.signal)) {
        gone.abort(new Error('client gone'))
      }
    }
    await assert.rejects(run, /client gone/)
    assert.equal(decoder.live.size, 0)
    assert.ok(decoder.steps < 5 * choiceCount, `${decoder.steps} steps`)
  })

  test(`${title}: a consumer that leaves stops and releases everything`, async () => {
    const decoder = new ToyDecoder(scrambled, 2)
    for await (const _ of strategy(toyRequest({ ignoreEos: true, maxTokens: 1000 }), decoder, never)) break
    assert.equal(decoder.live.size, 0)
    assert.ok(decoder.steps < 5 * choiceCount, `${decoder.steps} steps`)
  })

  test(`${title}: a failing step fails the strategy and releases everything`, async () => {
    const decoder = new ToyDecoder(new Map([['base', { logits: () => Float64Array.of(Number.NaN) }]]), 2)
    await assert.rejects(() => eventsOf(strategy, toyRequest(), decoder), { name: 'InvalidLogitsError' })
    assert.equal(decoder.live.size, 0)
  })
}
