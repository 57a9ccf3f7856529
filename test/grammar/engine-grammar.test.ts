import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Sequence, SequenceRequest, TokenDraw } from '../../src/decoding/decoder.ts'
import { mostGrammars } from '../../src/decoding/grammar/grammars.ts'
import type { SamplingParams } from '../../src/decoding/sampling-params.ts'
import { decode, toyEngine, toyPrompt, toyRequest } from '../local/toy-engine.ts'

const engine = await toyEngine()
after(() => engine.close())

const model = engine.models.get('toy')!
const grammars = model.grammars!
const never = new AbortController().signal
const size = 268

const schema = {
  type: 'object',
  properties: {
    word: { type: 'string', maxLength: 5 },
    count: { type: 'integer', minimum: 1, maximum: 50 },
    ok: { type: 'boolean' },
  },
  required: ['word', 'count'],
}
const grammar = grammars.get({ type: 'json-schema', schema })
const validate = new Ajv2020({ strict: false }).compile(schema)

const prompts = [toyPrompt(12), toyPrompt(9, 3)] as const

function request(changes: Partial<SamplingParams> = {}, coefficients: readonly number[] = [1, 0.7]): SequenceRequest {
  const { sampling } = toyRequest(prompts[0], { ignoreEos: false, maxTokens: 100, ...changes })
  const terms = coefficients.map((coefficient, k) => ({ ...toyRequest(prompts[k]!).terms[0]!, coefficient }))
  return { terms, sampling, grammar }
}

async function drawsOf(sequence: Sequence, count: number): Promise<TokenDraw[]> {
  const found: TokenDraw[] = []
  for await (const { draws } of engine.advance(sequence, count, never)) found.push(...draws)
  return found
}

/** Every token's log-probability in the plain law of one prompt and what was said so far. */
async function plainLaw(promptIds: readonly number[]): Promise<number[]> {
  const sequence = engine.open(toyRequest(promptIds, { topLogprobs: 288, maxTokens: 1 }))
  const [draw] = await drawsOf(sequence, 1)
  engine.release(sequence)
  const law: number[] = []
  for (const { id, logprob } of draw!.top!) law[id] = logprob
  return law
}

test('every token is drawn from the mixture of its contexts over the allowed tokens, renormalised', async () => {
  const temperature = 0.8
  const sequence = engine.open(request({ temperature, topLogprobs: 288, seed: 3n }))
  const draws = await drawsOf(sequence, 12)
  let state = grammar.start
  let checked = 0
  for (const [i, { id, top }] of draws.entries()) {
    const said = draws.slice(0, i).map((draw) => draw.id)
    const laws = await Promise.all(prompts.map((promptIds) => plainLaw([...promptIds, ...said])))
    const mask = grammar.allowed(state)
    const allowed = Array.from({ length: size }, (_, v) => v).filter((v) => (mask[v >> 5]! >> (v & 31)) & 1)
    const scores = allowed.map((v) => (laws[0]![v]! + 0.7 * laws[1]![v]!) / temperature)
    const max = Math.max(...scores)
    const logZ = max + Math.log(scores.reduce((sum, score) => sum + Math.exp(score - max), 0))
    assert.deepEqual(
      top!.map((one) => one.id).sort((a, b) => a - b),
      allowed,
    )
    for (const one of top!) assert.ok(Math.abs(one.logprob - (scores[allowed.indexOf(one.id)]! - logZ)) < 1e-3)
    checked += allowed.length
    state = grammar.after(state, id)
  }
  engine.release(sequence)
  assert.ok(checked > 100, `${checked}`)
})

test('hundreds of answers: each is valid, and ends by itself', async () => {
  const texts = new Set<string>()
  for (let seed = 0n; seed < 300n; seed += 30n) {
    const batch = Array.from({ length: 30 }, (_, i) => decode(engine, request({ seed: seed + BigInt(i) }, [1])))
    for (const { text, finishReason } of await Promise.all(batch)) {
      assert.ok(validate(JSON.parse(text)), text)
      assert.equal(finishReason, 'stop')
      texts.add(text)
    }
  }
  assert.ok(texts.size > 250, `${texts.size} different answers`)
})

test('an answer has the same bits alone and among others, with and without a grammar', async () => {
  const alone = await decode(engine, request({ seed: 11n }))
  const others = [12n, 13n, 14n].map((seed) => decode(engine, request({ seed })))
  const free = [15n, 16n].map((seed) => decode(engine, toyRequest(toyPrompt(7), { seed, maxTokens: 40 })))
  const [among] = await Promise.all([decode(engine, request({ seed: 11n })), ...others, ...free])
  assert.deepEqual({ ...among, cachedTokens: 0 }, { ...alone, cachedTokens: 0 })
})

test('a fork goes on where its parent stood, and each then has its own way', async () => {
  const parent = engine.open({ ...request({ seed: 5n }, [1]), forks: 2 })
  await drawsOf(parent, 3)
  const children = [71n, 72n].map((seed) => engine.fork(parent, seed))
  const texts: string[] = []
  for (const sequence of [parent, ...children]) {
    await drawsOf(sequence, 100)
    assert.ok(validate(JSON.parse(sequence.text)), sequence.text)
    texts.push(sequence.text)
    engine.release(sequence)
  }
  assert.equal(new Set(texts).size, 3)
})

test('text without a bound of its own is brought to its end before the limit', async () => {
  const endless = grammars.get({
    type: 'json-schema',
    schema: { type: 'array', items: { type: 'string' }, minItems: 2 },
  })
  const valid = new Ajv2020().compile({ type: 'array', items: { type: 'string' }, minItems: 2 })
  for (let seed = 0n; seed < 40n; seed++) {
    const { text, finishReason } = await decode(engine, { ...request({ seed, maxTokens: 30 }, [1]), grammar: endless })
    assert.equal(finishReason, 'stop')
    assert.ok(valid(JSON.parse(text)), text)
  }
})

test('an answer whose limit is too low for any is the beginning of a valid one, and says so', async () => {
  const { text, finishReason } = await decode(engine, request({ maxTokens: 6 }, [1]))
  assert.equal(finishReason, 'length')
  assert.throws(() => JSON.parse(text))
})

test('a stop string cuts, and a stop token is possible only where the answer is complete', async () => {
  const cut = await decode(engine, request({ stop: ['"count"'] }, [1]))
  assert.ok(!cut.text.includes('"count"') && cut.finishReason === 'stop')
  // a brace ends the text and would end the answer: it may not before the text is complete
  const brace = 3 + 0x7d
  const { finishReason } = await decode(engine, request({ stopTokenIds: [brace], seed: 8n }, [1])).catch((error) => {
    assert.match(error.message, /no token of the vocabulary can follow/)
    return { finishReason: 'none' }
  })
  assert.notEqual(finishReason, 'length')
})

test('an abort ends it within a step, and its memory is free', async () => {
  const abort = new AbortController()
  const sequence = engine.open(request({}, [1]))
  await assert.rejects(async () => {
    for await (const _ of engine.advance(sequence, 100, abort.signal)) abort.abort(new Error('gone'))
  }, /gone/)
  engine.release(sequence)
  assert.equal(engine.stats().running, 0)
})

test('equal grammars are compiled once, and no more than so many are kept', () => {
  assert.equal(grammars.get({ type: 'json-schema', schema: structuredClone(schema) }), grammar)
  for (let i = 0; i < 2 * mostGrammars; i++) grammars.get({ type: 'json-schema', schema: { const: i } })
  assert.equal(grammars.size, mostGrammars)
  assert.notEqual(grammars.get({ type: 'json-schema', schema }), grammar)
})
