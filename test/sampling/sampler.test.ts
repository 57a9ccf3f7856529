import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { TokenAlternative } from '../../src/decoding/decoder.ts'
import { drawFromTop } from '../../src/decoding/head-draw.ts'
import { drawFromLogits } from '../../src/decoding/sampler.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { selectionScratch, selectTop, type TopLogits, temperRow } from '../../src/decoding/top-logits.ts'
import { assertLaw, lawOfDraw, lawOfRow, softmax } from './law-of-draw.ts'
import { samplingParams } from './params.ts'

const no = Number.NEGATIVE_INFINITY
const logs = (...p: number[]) => Float64Array.from(p, Math.log)

function draw(logits: Float64Array | Float32Array, params: SamplingParams, u: number) {
  return drawFromLogits(logits, params, u, selectionScratch(logits.length))
}

/** transformers' warpers, written independently: temperature, top_k, top_p, min_p, each on what the one before left. */
function warped(logits: readonly number[], params: SamplingParams): number[] {
  const order = logits.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b)
  let p = softmax(logits.map((value) => value / params.temperature))
  const keep = (kept: (id: number, rank: number) => boolean) => {
    const masked = p.map((value, id) => (kept(id, order.indexOf(id)) ? value : 0))
    const sum = masked.reduce((a, b) => a + b, 0)
    p = masked.map((value) => value / sum)
  }
  keep((_, rank) => params.topK === undefined || rank < params.topK)
  const before = order.map((_, rank) => order.slice(0, rank).reduce((sum, id) => sum + p[id]!, 0))
  keep((_, rank) => rank === 0 || params.topP >= 1 || before[rank]! < params.topP)
  const max = Math.max(...p)
  keep((id) => p[id]! >= params.minP * max)
  return p
}

// On a grid, so that ties are frequent and no difference is lost in the division by the temperature.
const logit = fc.oneof(
  { arbitrary: fc.integer({ min: -800, max: 800 }).map((steps) => steps / 100), weight: 8 },
  fc.constantFrom(0, 1, no),
)
const rows = fc.array(logit, { minLength: 1, maxLength: 12 }).filter((row) => row.some((value) => value > no))
const anyParams = fc
  .record({
    temperature: fc.constantFrom(0.25, 0.7, 1, 1.9),
    topK: fc.option(fc.integer({ min: 1, max: 14 }), { nil: undefined }),
    topP: fc.constantFrom(1, 0.9, 0.37, 0),
    minP: fc.constantFrom(0, 0.05, 0.31, 1),
    topLogprobs: fc.option(fc.integer({ min: 0, max: 14 }), { nil: undefined }),
  })
  .map(samplingParams)
const coins = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

test('the law is that of the warpers of transformers', () => {
  fc.assert(
    fc.property(rows, anyParams, (row, params) => {
      // A set that closes exactly at top_p or min_p is decided by rounding; the two sums may then differ.
      fc.pre(!nearFilterEdge(row, params))
      assertLaw(lawOfRow(Float64Array.from(row), params), warped(row, params), 1e-9)
    }),
    { numRuns: 500 },
  )
})

function nearFilterEdge(row: readonly number[], params: SamplingParams): boolean {
  const p = [...warped(row, { ...params, topP: 1, minP: 0 })].sort((a, b) => b - a)
  let cumulative = 0
  return p.some((value) => {
    cumulative += value
    return Math.abs(cumulative - params.topP) < 1e-9 || (value > 0 && Math.abs(value / p[0]! - params.minP) < 1e-9)
  })
}

test('a set that closes exactly at top_p is closed, and what is exactly at the share of min_p stays', () => {
  const even = Float64Array.of(0, 0, 0, 0)
  assertLaw(lawOfRow(even, samplingParams({ topK: 4, topP: 0.5 })), [0.5, 0.5, 0, 0])
  assertLaw(lawOfRow(even, samplingParams({ topK: 4, topP: 0.75 })), [1 / 3, 1 / 3, 1 / 3, 0])
  assertLaw(lawOfRow(even, samplingParams({ minP: 1 })), [0.25, 0.25, 0.25, 0.25])
})

test('filters that keep more than the 64 most likely tokens keep their law: none beyond them is drawn', () => {
  const row = Array.from({ length: 300 }, (_, v) => 2 * Math.sin(v * 12.9898))
  const filters = [{ topP: 0.9 }, { minP: 0.2 }, { topK: 100 }, { topK: 200, topP: 0.95, minP: 0.1 }]
  for (const temperature of [0.7, 1])
    for (const filter of filters) {
      const params = samplingParams({ temperature, ...filter })
      const expected = warped(row, params)
      const kept = expected.filter((p) => p > 0).length
      assert.ok(kept > 64 && kept < 300, `${kept} tokens are kept`)
      assertLaw(lawOfRow(Float64Array.from(row), params), expected, 1e-9)
    }
})

test('the top entries give the same token, logprob and alternatives as the whole row, or do not decide', () => {
  fc.assert(
    fc.property(
      rows,
      anyParams,
      coins,
      fc.integer({ min: 1, max: 12 }),
      fc.infiniteStream(fc.nat()),
      (row, params, u, m, shuffle) => {
        const logits = Float64Array.from(row)
        const whole = draw(logits, params, u)
        const all = selectTop(temperRow(logits, params.temperature), row.length, selectionScratch(row.length))
        const order = Array.from(all.ids.subarray(0, m).keys())
        const keys = order.map(() => shuffle.next().value as number)
        order.sort((a, b) => keys[a]! - keys[b]!)
        const top = {
          ids: Int32Array.from(order, (i) => all.ids[i]!),
          values: Float64Array.from(order, (i) => all.values[i]!),
          logSumExp: all.logSumExp,
        }
        const fast = drawFromTop(top, row.length, params, u)
        if (top.ids.length === row.length) assert.ok(fast !== undefined, 'the whole vocabulary always decides')
        if (fast !== undefined) assert.deepEqual(fast, whole)
      },
    ),
    { numRuns: 2000 },
  )
})

test('the top entries do not decide when the coin, a filter or the report reaches past them', () => {
  const top = { ids: Int32Array.of(0, 1), values: logs(0.5, 0.3), logSumExp: 0 }
  const decides = (changes: Partial<SamplingParams>, u = 0.1) =>
    drawFromTop(top, 4, samplingParams(changes), u) !== undefined
  assert.equal(decides({}), true)
  assert.equal(decides({}, 0.81), false)
  assert.equal(decides({ topK: 2 }, 0.99), true)
  assert.equal(decides({ topK: 3 }), false)
  assert.equal(decides({ topP: 0.79 }, 0.99), true)
  assert.equal(decides({ topP: 0.81 }), false)
  assert.equal(decides({ minP: 0.61 }, 0.99), true)
  assert.equal(decides({ minP: 0.1 }), false)
  assert.equal(decides({ minP: 0.1, topK: 2 }), true)
  assert.equal(decides({ topLogprobs: 2 }), true)
  assert.equal(decides({ topLogprobs: 3 }), false)
  assert.equal(decides({ topLogprobs: 3, topP: 0.79 }), true)
  assert.equal(decides({ temperature: 0, topK: 3 }, 0.99), true)
})

test('a value that overflowed in the fast path is left to the whole row', () => {
  const top = { ids: Int32Array.of(0, 1), values: Float32Array.of(Infinity, 0), logSumExp: Infinity }
  assert.equal(drawFromTop(top, 2, samplingParams({ temperature: 1e-300 }), 0.5), undefined)
  assert.equal(draw(Float64Array.of(5, 4), samplingParams({ temperature: 1e-300 }), 0.5).id, 0)
})

test('temperature 0 takes the lowest id among the most likely and reports the law at temperature 1', () => {
  const logits = logs(0.1, 0.4, 0.4, 0.1)
  const params = samplingParams({ temperature: 0, topK: 1, topLogprobs: 3 })
  const { id, logprob, top } = draw(logits, params, 0.999)
  assert.equal(id, 1)
  assert.ok(Math.abs(logprob - Math.log(0.4)) < 1e-12)
  assert.deepEqual(
    top!.map((entry) => entry.id),
    [1, 2, 0],
  )
  const unordered = { ids: Int32Array.of(2, 1), values: logs(0.4, 0.4), logSumExp: 0 }
  assert.equal(drawFromTop(unordered, 4, samplingParams({ temperature: 0 }), 0.999)!.id, 1)
})

test('alternatives come from the filtered law: fewer when filters leave fewer, none that are impossible', () => {
  const { top } = draw(logs(0.5, 0.3, 0.2), samplingParams({ topK: 2, topLogprobs: 3 }), 0)
  assert.deepEqual(
    top!.map(({ id, logprob }) => [id, Number(Math.exp(logprob).toFixed(12))]),
    [
      [0, 0.625],
      [1, 0.375],
    ],
  )
  assert.equal(draw(Float64Array.of(0, no), samplingParams({ topLogprobs: 2 }), 0).top!.length, 1)
  assert.deepEqual(draw(logs(0.5, 0.5), samplingParams({ topLogprobs: 0 }), 0).top, [])
  assert.equal(draw(logs(0.5, 0.5), samplingParams(), 0).top, undefined)
})

test('a forbidden token is never drawn, not even by the last coin', () => {
  const last = 1 - 2 ** -53
  assert.equal(draw(Float64Array.of(no, 0, no), samplingParams(), last).id, 1)
  assert.equal(draw(Float64Array.of(0, -1e4, no), samplingParams(), last).id, 0)
})

test('broken rows are named errors', () => {
  const broken = [Float64Array.of(0, Number.NaN), Float64Array.of(Infinity, 0), Float64Array.of(no, no)]
  for (const row of broken) assert.throws(() => draw(row, samplingParams(), 0.5), { name: 'InvalidLogitsError' })
})

test('a row without a finite sum ends in a named error, not in a search without end', () => {
  // A temperature that counts as 0 makes the largest token's difference to itself 0 / 0.
  for (const size of [1, 3, 5000]) {
    const row = Float64Array.from({ length: size }, (_, v) => -v)
    const run = () => draw(row, samplingParams({ temperature: Number.NaN }), 0.5)
    assert.throws(run, { name: 'InvalidLogitsError', id: undefined, message: /add up to NaN/ })
  }
})

test('logits of +-1e4 are safe', () => {
  assertLaw(lawOfRow(Float64Array.of(1e4, 1e4 - 1, -1e4), samplingParams()), softmax([0, -1, -2e4]))
})

test('a large vocabulary gives its tail too: every coin meets the inverse CDF of 64 sorted tokens and the rest by id', () => {
  const size = 20_000
  const logits = Float32Array.from({ length: size }, (_, v) => Math.sin(v * 12.9898) * 3)
  const p = softmax(logits)
  const sorted = p.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b)
  const order = [...sorted.slice(0, 64), ...sorted.slice(64).sort((a, b) => a - b)]
  const scratch = selectionScratch(size)
  for (const u of [0, 0.001, 0.2, 0.5, 0.9, 0.999, 0.9999999]) {
    let cumulative = 0
    const expected = order.find((id) => {
      cumulative += p[id]!
      return cumulative > u
    })
    const drawn = drawFromLogits(logits, samplingParams(), u, scratch)
    assert.equal(drawn.id, expected)
    assert.ok(Math.abs(drawn.logprob - Math.log(p[drawn.id]!)) < 1e-9)
  }
})

test('the scratch may be larger than the row and be used again', () => {
  const scratch = selectionScratch(10)
  const first = lawOfDraw((u) => drawFromLogits(logs(0.5, 0.3, 0.2), samplingParams(), u, scratch), 3)
  const second = lawOfDraw((u) => drawFromLogits(logs(0.1, 0.9), samplingParams(), u, scratch), 2)
  assertLaw(first, [0.5, 0.3, 0.2])
  assertLaw(second, [0.1, 0.9])
})

/** What a graph returns for a row: its 64 largest log-probabilities at the temperature, all in single precision. */
function graphTop(logits: Float32Array, temperature: number): TopLogits {
  const tempered = Float32Array.from(logits, (value) => value * Math.fround(1 / temperature))
  const max = tempered.reduce((a, b) => Math.max(a, b))
  const sum = Math.fround(tempered.reduce((total, value) => total + Math.exp(value - max), 0))
  const logprobs = tempered.map((value) => Math.fround(Math.fround(value - max) - Math.fround(Math.log(sum))))
  const order = Array.from(logprobs.keys()).sort((a, b) => logprobs[b]! - logprobs[a]! || a - b)
  const ids = Int32Array.from(order.slice(0, 64))
  return { ids, values: Float32Array.from(ids, (id) => logprobs[id]!), logSumExp: 0 }
}

for (const temperature of [0.1, 0.7, 2]) {
  const filters = [{}, { topK: 40 }, { topP: 0.8 }, { minP: 0.2 }, { topK: 30, topP: 0.9, minP: 0.01 }]
  for (const changes of filters) {
    test(`single-precision top entries have the whole row's law at ${temperature} ${JSON.stringify(changes)}`, () => {
      const size = 512
      const logits = Float32Array.from({ length: size }, (_, v) => 12 * Math.sin(v * v * 0.37) ** 9)
      const params = samplingParams({ temperature, topLogprobs: 20, ...changes })
      const top = graphTop(logits, temperature)
      let decided = 0
      let agreed = 0
      for (let i = 0; i < 500; i++) {
        const u = (i + 0.5) / 500
        const whole = draw(logits, params, u)
        const fast = drawFromTop(top, size, params, u)
        if (fast === undefined) continue
        decided++
        assertSameAlternatives(fast.top!, whole.top!)
        // Only a coin within rounding of the border between two tokens may fall to the other side.
        if (fast.id !== whole.id) continue
        agreed++
        assert.ok(Math.abs(fast.logprob - whole.logprob) < 2e-5)
      }
      assert.ok(decided > 100, `the top entries decided ${decided} of 500`)
      assert.ok(decided - agreed <= 1, `${decided - agreed} of ${decided} tokens differ`)
    })
  }
}

function assertSameAlternatives(fast: readonly TokenAlternative[], whole: readonly TokenAlternative[]): void {
  assert.equal(fast.length, whole.length)
  for (const [rank, { logprob }] of whole.entries()) assert.ok(Math.abs(fast[rank]!.logprob - logprob) < 2e-5)
}
