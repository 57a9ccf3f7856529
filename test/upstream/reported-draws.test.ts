import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TokenDraw } from '../../src/decoding/decoder.ts'
import { SpeculationMeter } from '../../src/decoding/speculation.ts'
import type { Chance } from '../laws/enumeration.ts'
import { assertNear, enumerated, mean } from '../laws/enumeration.ts'
import { enumeratedDecoder, guidedRequest, term, termRow } from './guided-double.ts'
import { targetLaw } from './target-laws.ts'

const terms = [term('base', 1), term('guide', 0.8)]
const never = new AbortController().signal

/** What one answer reports, its draws and its rounds. */
async function answered(chance: Chance, drafts: number, exact: boolean) {
  const { decoder } = enumeratedDecoder(chance)
  const meter = new SpeculationMeter()
  const request = guidedRequest(terms, { maxTokens: 2, topLogprobs: 3, trace: true }, { block: 2, drafts, exact })
  const sequence = decoder.open({ ...request, meter })
  const draws: TokenDraw[] = []
  for await (const delta of decoder.advance(sequence, 9, never)) draws.push(...delta.draws)
  decoder.release(sequence)
  return {
    draws: sequence.endDraw === undefined || draws.includes(sequence.endDraw) ? draws : [...draws, sequence.endDraw],
    meter,
  }
}

const distance = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, value, id) => sum + Math.abs(value - q[id]!), 0) / 2

const [onSupport, onAll] = [targetLaw(terms, 2), targetLaw(terms, 3)]

for (const [drafts, exact] of [
  [1, false],
  [1, true],
  [2, false],
  [2, true],
  [3, false],
] as const)
  test(`${drafts} drafts, exact ${exact}: whichever draft a token was taken from, its law is what is reported`, async () => {
    const outcomes = await enumerated((chance) => answered(chance, drafts, exact))
    const target = exact ? onAll : onSupport
    for (const { result } of outcomes) {
      const ids: number[] = []
      let truth = 0
      for (const draw of result.draws) {
        const law = target(ids)
        assertNear(draw.logprob, Math.log(law[draw.id]!), 1e-9)
        assert.equal(draw.top?.length, exact ? 3 : 2)
        for (const { id, logprob } of draw.top) assertNear(logprob, Math.log(law[id]!), 1e-9)
        for (const [j, one] of terms.entries()) assertNear(draw.termLogprobs![j]!, termRow(one, ids)[draw.id]!, 1e-6)
        truth += distance(law, onAll(ids))
        ids.push(draw.id)
      }
      assert.ok(result.meter.truncationSum >= truth - 1e-12, `${result.meter.truncationSum} < ${truth}`)
      assert.ok(result.meter.truncationMost <= result.meter.truncationSum)
      assert.equal(result.meter.emitted, result.draws.length)
    }
    assert.equal(mean(outcomes, ({ meter }) => meter.truncationSum) > 0, !exact)
  })

test('no two calls that draw share a seed, those of forks included', async () => {
  const { decoder, double } = enumeratedDecoder((law) => law.indexOf(Math.max(...law)))
  const request = guidedRequest(terms, { maxTokens: 6, ignoreEos: true }, { block: 1 })
  const parent = decoder.open(request)
  for await (const _ of decoder.advance(parent, 2, never));
  for (const sequence of [parent, decoder.fork(parent, 5n), decoder.fork(parent, 6n)])
    for await (const _ of decoder.advance(sequence, 4, never));
  const seeds = double.calls.map(({ body }) => (body as { seed?: number }).seed)
  assert.equal(seeds.length, 2 + 3 * 4)
  assert.equal(new Set(seeds).size, seeds.length)
})
