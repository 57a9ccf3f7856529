import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SequenceRequest } from '../../src/decoding/decoder.ts'
import { SpeculationMeter } from '../../src/decoding/speculation.ts'
import { answerLaw } from '../laws/enumerating-decoder.ts'
import { enumeratedDecoder, eos, type GuidedSetup, guidedRequest, term, termRow } from './guided-double.ts'
import { assertLaw as assertDecoderLaw, targetLaw } from './target-laws.ts'

const assertLaw = (
  request: SequenceRequest,
  expected: (answer: readonly number[]) => readonly number[],
  setup: GuidedSetup = {},
  step?: number,
) => assertDecoderLaw(request, expected, (chance) => enumeratedDecoder(chance, setup).decoder, step)

const local = [term('base', 1), term('guide', 0.8)]
const two = [term('base', 1), term('guide', 0.7), term('second', -0.4, [0, 1])]
const processed: GuidedSetup = {
  options: { logprobsMode: 'processed_logprobs' },
  abilities: { logprobs: 'processed' },
}

for (const block of [1, 2, 3]) {
  test(`option A, blocks of ${block}: the law is the target on the base's most likely tokens`, async () => {
    const target = targetLaw(local, 2)
    await assertLaw(guidedRequest(local, {}, { block }), target)
    // an end in the middle of a block is among what was enumerated
    const ends = [...answerLaw(target, eos, 3)].filter(([text]) => text.length === 2 && text.endsWith('$'))
    assert.ok(ends.some(([, mass]) => mass > 0.01))
  })

  test(`option A', blocks of ${block}: drafts outside the support are rejected, the law is the same`, async () => {
    await assertLaw(guidedRequest(local, {}, { block }), targetLaw(local, 2), processed)
    await assertLaw(guidedRequest(local, {}, { block }), targetLaw(local, 2), { abilities: { distinctLogits: false } })
  })

  test(`option C, blocks of ${block}: the law is the target on the whole vocabulary`, async () => {
    await assertLaw(guidedRequest(local, {}, { block, exact: true }), targetLaw(local, 3))
  })

  test(`two guides, one with a negative weight and another prompt, blocks of ${block}`, async () => {
    await assertLaw(guidedRequest(two, {}, { block }), targetLaw(two, 2))
  })
}

test('several drafts of one block leave the law as it is', async () => {
  for (const setup of [{}, processed])
    await assertLaw(guidedRequest(local, { maxTokens: 2 }, { block: 2, drafts: 2 }), targetLaw(local, 2), setup)
  await assertLaw(guidedRequest(local, { maxTokens: 2 }, { block: 2, drafts: 2, exact: true }), targetLaw(local, 3))
})

test('lengths and numbers of drafts that follow acceptance and time leave the law as it is', async () => {
  const shapes = new Set<number>()
  await assertDecoderLaw(
    guidedRequest(local, { maxTokens: 3 }, { block: undefined, drafts: undefined }),
    targetLaw(local, 2),
    (chance) => {
      let time = 0
      const { decoder, double } = enumeratedDecoder(chance, { now: () => (time += 5) })
      const reply = double.reply.bind(double)
      double.reply = (call) => {
        shapes.add((call.body as { n?: number }).n ?? 1)
        return reply(call)
      }
      return decoder
    },
  )
  assert.ok(shapes.size > 1, `always ${[...shapes].join()} drafts`)
})

test('guides may be an adapter or another model of the engine, or the base behind another prompt', async () => {
  const terms = [term('base', 0.3), term('lora', 0.6, [1]), term('other', 0.5, [1, 1]), term('base', 0.7, [1, 0])]
  // the principle's prompt has the largest coefficient, so it drafts
  await assertLaw(guidedRequest(terms, { maxTokens: 2 }), targetLaw(terms, 2, 3))
})

test('a principle at weight one leaves the base without a say and unread', async () => {
  const terms = [term('base', 0), term('base', 1, [1, 0])]
  for (const setup of [{}, processed]) {
    await assertLaw(guidedRequest(terms), targetLaw(terms, 2, 1), setup)
    await assertLaw(guidedRequest(terms, {}, { exact: true }), targetLaw(terms, 3, 1), setup)
  }
})

test('an engine that only ranks restricts the target to what every term reports', async () => {
  const terms = [term('base', 1), term('lora', 0.8)]
  const setup = { abilities: { chosenLogprobs: false, mostTop: 3 }, options: { chosen: false, maxLogprobs: 3 } }
  await assertLaw(guidedRequest(terms, { maxTokens: 2 }), targetLaw(terms, 2), setup)
})

test('answers drawn token by token have the same law', async () => {
  await assertLaw(guidedRequest(local, {}, { block: 3 }), targetLaw(local, 2), {}, 1)
})

test('temperature, top_k and top_p are applied to the guided law', async () => {
  await assertLaw(guidedRequest(local, { temperature: 0.6 }), targetLaw(local, 2, 0, 0.6))
  const target = targetLaw(local, 3)
  const most = (answer: readonly number[]) => {
    const law = target(answer)
    return law.map((q) => (q === Math.max(...law) ? 1 : 0))
  }
  await assertLaw(guidedRequest(local, { topK: 1 }, { exact: true }), most)
  await assertLaw(guidedRequest(local, { topP: 0.01 }, { exact: true }), most)
  await assertLaw(guidedRequest(local, { minP: 1 }, { exact: true }), most)
})

test('greedy decoding takes the most likely token of the whole vocabulary, fetched wider where it is not certain', async () => {
  for (const block of [1, 2, 3])
    for (const terms of [local, two]) {
      const target = targetLaw(terms, 3)
      const best = (answer: readonly number[]) => {
        const law = target(answer)
        return law.map((_, id) => (id === law.indexOf(Math.max(...law)) ? 1 : 0))
      }
      const leaves = await assertLaw(guidedRequest(terms, { temperature: 0 }, { block, top: 1 }), best)
      assert.equal(leaves, 1)
    }
})

test('a guide of weight zero accepts every draft', async () => {
  const traced = {
    ...guidedRequest([term('base', 1), term('guide', 0)], { trace: true }),
    meter: new SpeculationMeter(),
  }
  await assertLaw(traced, targetLaw([term('base', 1)], 2))
  const { examined, accepted } = traced.meter
  assert.equal(accepted, examined)
  assert.ok(examined > 0)
})

test('a tie at the edge of the support is drawn without looking at the draft', async () => {
  const tied = new Map([['base', () => [Math.log(0.5), Math.log(0.25), Math.log(0.25)]]])
  const terms = [term('base', 1), term('guide', 0.8)]
  const row = (answer: readonly number[]) => {
    const guide = termRow(terms[1]!, answer)
    const weights = [0.5 * Math.exp(0.8 * guide[0]!), 0.25 * Math.exp(0.8 * guide[1]!), 0]
    const total = weights[0]! + weights[1]!
    return weights.map((weight) => weight / total)
  }
  await assertLaw(guidedRequest(terms), row, { laws: tied })
})

test('penalties count the answer, the tokens of the block before a position included, and act before the temperature', async () => {
  const penalties = { presencePenalty: -0.4, frequencyPenalty: 0.7, temperature: 0.8 }
  const target = (answer: readonly number[]) => {
    const law = targetLaw(local, 2, 0, 0.8)(answer)
    const weights = law.map((q, id) => {
      const count = answer.filter((other) => other === id).length
      return q * Math.exp((count > 0 ? 0.4 - 0.7 * count : 0) / 0.8)
    })
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    return weights.map((weight) => weight / total)
  }
  for (const block of [1, 3]) await assertLaw(guidedRequest(local, penalties, { block }), target)
})

test('a bias on a token outside of the support has wider rows fetched, and drafts are still judged by the law they came from', async () => {
  for (const biased of [0, 1, 2]) {
    // restricted to the base's most likely token where that is the biased one, and to all tokens elsewhere
    const target = (answer: readonly number[]) => {
      const [base, guide] = local.map((one) => termRow(one, answer))
      const alone = base!.indexOf(Math.max(...base!)) === biased
      const weights = base!.map((logprob, id) => {
        if (alone) return id === biased ? 1 : 0
        return Math.exp(logprob + 0.8 * guide![id]! + (id === biased ? 2 : 0))
      })
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      return weights.map((weight) => weight / total)
    }
    for (const setup of [{}, processed])
      for (const speculation of [{ block: 1 }, { block: 2 }, { block: 2, drafts: 2 }])
        await assertLaw(
          guidedRequest(local, { maxTokens: 2, logitBias: new Map([[biased, 2]]) }, { top: 1, ...speculation }),
          target,
          setup,
        )
  }
})

test('an engine that reports few ids of our choosing is asked position by position, and the law stays', async () => {
  const terms = [term('base', 1), term('lora', 0.8)]
  for (const logprobsMode of ['raw_logprobs', 'processed_logprobs'] as const) {
    const logprobs = logprobsMode === 'raw_logprobs' ? 'raw' : 'processed'
    const setup = { abilities: { mostTop: 2, logprobs }, options: { maxLogprobs: 2, logprobsMode } } as const
    // one token more than the support shows ties, so that of two reported ones a support of one is left
    const support = logprobs === 'raw' ? 1 : 2
    await assertLaw(guidedRequest(terms, { maxTokens: 2 }, { block: 2 }), targetLaw(terms, support), setup)
  }
})
