import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { LogitTerm, Sequence, TokenAlternative, TokenDraw } from '../../src/decoding/decoder.ts'
import { uniform } from '../../src/decoding/rng.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { toyEngine, toyPrompt, toyRequest } from '../local/toy-engine.ts'

/** The engine's draws one by one: their uniform numbers, and penalties and biases upon the mixture, forks included. */
const engine = await toyEngine()
after(() => engine.close())

const vocabularySize = 288
const never = new AbortController().signal
const prompts = [toyPrompt(12), toyPrompt(9, 3)] as const

async function drawsOf(sequence: Sequence, count: number): Promise<TokenDraw[]> {
  const found: TokenDraw[] = []
  for await (const { draws } of engine.advance(sequence, count, never)) found.push(...draws)
  return found
}

/** Terms of one model behind two prompts. */
const termsOf = (coefficients: readonly [number, number]): readonly LogitTerm[] =>
  prompts.map((promptIds, k) => ({ ...toyRequest(promptIds).terms[0]!, coefficient: coefficients[k]! }))

function open(coefficients: readonly [number, number], changes: Partial<SamplingParams>): Sequence {
  const { sampling } = toyRequest(prompts[0], { topLogprobs: vocabularySize, maxTokens: 8, ...changes })
  return engine.open({ terms: termsOf(coefficients), sampling, forks: 1 })
}

/** log p(v) behind a prompt and an answer so far, from a sequence that has nothing else. */
async function plainLaw(promptIds: readonly number[]): Promise<number[]> {
  const sequence = engine.open(toyRequest(promptIds, { topLogprobs: vocabularySize, maxTokens: 1 }))
  const [draw] = await drawsOf(sequence, 1)
  engine.release(sequence)
  return byId(draw!.top!)
}

function byId(top: readonly TokenAlternative[]): number[] {
  const law: number[] = []
  for (const { id, logprob } of top) law[id] = logprob
  return law
}

/** log softmax of (mixture - penalties + bias) / temperature, written out. */
async function expectedLaw(coefficients: readonly number[], answer: readonly number[], sampling: SamplingParams) {
  const laws = await Promise.all(prompts.map((promptIds) => plainLaw([...promptIds, ...answer])))
  const sums = laws[0]!.map((_, v) => {
    const mixed = coefficients.reduce((sum, coefficient, k) => sum + coefficient * laws[k]![v]!, 0)
    const count = answer.filter((id) => id === v).length
    const penalty = count * sampling.frequencyPenalty + (count > 0 ? sampling.presencePenalty : 0)
    return (mixed - penalty + (sampling.logitBias.get(v) ?? 0)) / sampling.temperature
  })
  const max = Math.max(...sums)
  const logZ = max + Math.log(sums.reduce((total, value) => total + Math.exp(value - max), 0))
  return sums.map((value) => value - logZ)
}

async function assertLaws(coefficients: readonly number[], sequence: Sequence, draws: readonly TokenDraw[], from = 0) {
  const ids = draws.map(({ id }) => id)
  for (const [i, { top }] of draws.entries()) {
    if (i < from) continue
    const expected = await expectedLaw(coefficients, ids.slice(0, i), sequence.request.sampling)
    for (const [id, logprob] of byId(top!).entries())
      assert.ok(Math.abs(logprob - expected[id]!) < 1e-3, `draw ${i}, token ${id}: ${logprob}, not ${expected[id]}`)
  }
}

test('every token is drawn by the uniform number of its own position', async () => {
  let checked = 0
  for (let seed = 0n; seed < 4n; seed++) {
    const sequence = open([1, 0], { seed })
    for (const [i, { id, top }] of (await drawsOf(sequence, 8)).entries()) {
      const u = uniform(seed, i)
      let cumulative = 0
      const at = top!.find(({ logprob }) => {
        cumulative += Math.exp(logprob)
        return cumulative > u
      })
      // within single precision of a border either token is right
      if (Math.abs(cumulative - u) < 1e-5) continue
      checked++
      assert.equal(id, at!.id, `draw ${i} of seed ${seed}`)
    }
    engine.release(sequence)
  }
  assert.ok(checked > 24, `${checked}`)
})

const heavy: Partial<SamplingParams> = {
  temperature: 0.7,
  frequencyPenalty: 1.5,
  presencePenalty: 0.4,
  // so that few tokens come again and again
  logitBias: new Map([
    [70, 12],
    [71, 11.5],
    [72, 12],
    [9, -100],
  ]),
}

test('penalties and logit_bias come upon the mixture, in its own units, before the temperature', async () => {
  for (const coefficients of [
    [1, 0],
    [1, 0.5],
  ] as const) {
    const sequence = open(coefficients, { ...heavy, seed: 5n })
    const draws = await drawsOf(sequence, 8)
    await assertLaws(coefficients, sequence, draws)
    assert.ok(new Set(draws.map(({ id }) => id)).size < draws.length, 'no token came twice')
    engine.release(sequence)
  }
})

test('a fork counts what its parent had said, and from then on each counts its own answer only', async () => {
  const parent = open([1, 0.5], { ...heavy, seed: 6n })
  const shared = await drawsOf(parent, 3)
  const child = engine.fork(parent, 77n)
  const childs = [...shared, ...(await drawsOf(child, 4))]
  const own = [...shared, ...(await drawsOf(parent, 4))]
  await assertLaws([1, 0.5], child, childs, shared.length)
  await assertLaws([1, 0.5], parent, own, shared.length)
  assert.notDeepEqual(
    childs.map(({ id }) => id),
    own.map(({ id }) => id),
  )
  for (const sequence of [parent, child]) engine.release(sequence)
})

test("with a trace every context's log-probability of the token is its own, whatever the mixture and its penalties", async () => {
  for (const changes of [{}, heavy]) {
    const sequence = open([0.6, 0.5], { ...changes, seed: 8n, trace: true, topLogprobs: 2 })
    const draws = await drawsOf(sequence, 5)
    for (const [i, { id, termLogprobs }] of draws.entries()) {
      const answer = draws.slice(0, i).map((draw) => draw.id)
      const laws = await Promise.all(prompts.map((promptIds) => plainLaw([...promptIds, ...answer])))
      assert.equal(termLogprobs!.length, 2)
      for (const [k, law] of laws.entries())
        assert.ok(Math.abs(termLogprobs![k]! - law[id]!) < 1e-3, `draw ${i}, term ${k}`)
    }
    engine.release(sequence)
  }
})
