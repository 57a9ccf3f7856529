import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidRequestError } from '../../src/decoding/errors.ts'
import { plainSampling, type SamplingParams } from '../../src/decoding/sampling-params.ts'
import { BlockPosition, type PositionFacts } from '../../src/decoding/upstream/block-position.ts'
import { reportedLaw } from '../../src/decoding/upstream/known-law.ts'
import { scrambledLaw } from './double-engine.ts'

const vocabSize = 100
const support = 2

/** The drafting term's most likely tokens, and nearly all of another's. */
function factsOf(top: number): PositionFacts {
  const [drafting, other] = (['principle', 'base'] as const).map((name) => {
    const row = scrambledLaw(name, vocabSize)([])
    const ranked = row.map((_, id) => id).sort((a, b) => row[b]! - row[a]!)
    const ids = ranked.slice(0, name === 'base' ? vocabSize - 1 : top)
    return { ids, logprobs: ids.map((id) => row[id]!) }
  })
  const token = { id: drafting!.ids[0]!, logprob: drafting!.logprobs[0]!, top: drafting! }
  return { token, answer: [], others: [reportedLaw(other!, true), undefined] }
}

/** How many tokens a greedy position asks for, one number for each time it asks. */
async function asked(base: number, mostTop: number, vocabulary = vocabSize): Promise<readonly number[]> {
  const tops: number[] = []
  const sampling = { ...plainSampling, seed: 0n, maxTokens: 1, temperature: 0 }
  const widening = {
    exact: false,
    mostTop,
    widen: async (top: number) => {
      tops.push(top)
      return factsOf(top)
    },
  }
  const terms = { coefficients: [base, 1 - base], drafting: 1 }
  const rules = { sampling, support, vocabSize: vocabulary, draftsWithin: undefined }
  await new BlockPosition(factsOf(50), terms, rules, widening).law()
  return tops
}

test('greedy: where nothing bounds what is outside, the whole rows are asked for at once', async () => {
  assert.deepEqual(await asked(-0.5, Number.POSITIVE_INFINITY), [Number.POSITIVE_INFINITY])
  assert.deepEqual(await asked(-0.5, 20), [20])
})

test('greedy: never more is asked for than there is', async () => {
  assert.deepEqual(await asked(0.5, Number.POSITIVE_INFINITY, 10), [Number.POSITIVE_INFINITY])
  assert.deepEqual(await asked(0.5, 1024, 10), [10])
})

test('greedy: where there is a bound, no more is asked for than until it is certain', async () => {
  const tops = await asked(0.5, Number.POSITIVE_INFINITY)
  assert.deepEqual(tops, [support * 8].slice(0, tops.length))
})

/** The position of a request with one bias, over an engine that reports `mostTop` tokens; and how often it was asked for more. */
async function biased(
  id: number,
  bias: number,
  mostTop: number,
  filters: Partial<SamplingParams> = {},
  coefficients = [0.5, 0.5],
) {
  const tops: number[] = []
  const sampling = { ...plainSampling, seed: 0n, maxTokens: 1, logitBias: new Map([[id, bias]]), ...filters }
  const widen = async (top: number) => {
    tops.push(top)
    return factsOf(Math.min(top, vocabSize))
  }
  const terms = { coefficients, drafting: 1 }
  const rules = { sampling, support: 10, vocabSize, draftsWithin: undefined }
  const position = new BlockPosition(factsOf(10), terms, rules, { exact: false, mostTop, widen })
  return { law: await position.law(), tops }
}

const inRow = factsOf(10).token.top.ids[4]!
const outside = factsOf(vocabSize).token.top.ids[60]!
/** The token that the other term does not report. */
const untold = factsOf(vocabSize).token.top.ids.find((id) => !factsOf(10).others[0]!.ids!.includes(id))!

test('a bias on a token outside of what was reported: more is asked for, and the token is found', async () => {
  const { law, tops } = await biased(outside, 30, Number.POSITIVE_INFINITY)
  assert.equal(tops.length, 1)
  assert.equal(law.ids[0], outside)
  assert.ok(law.target[0]! > 0.999)
})

test('so it is where nothing is certain even without the bias: filters that reach outside, a term that nothing bounds', async () => {
  for (const filters of [{ topP: 0.95 }, { minP: 1e-6 }, { topK: 50 }, { temperature: 0 }]) {
    const { law, tops } = await biased(outside, 30, Number.POSITIVE_INFINITY, filters)
    assert.ok(tops.length > 0)
    assert.equal(law.ids[0], outside)
    await assert.rejects(biased(outside, 30, 10, filters), isRefusal(outside), JSON.stringify(filters))
  }
  // what the other term does not tell may be next to nothing, which a negative coefficient makes next to certain
  await assert.rejects(biased(untold, 1e-4, 10, {}, [-0.5, 1.5]), isRefusal(untold))
})

function isRefusal(id: number) {
  return (error: unknown): true => {
    assert.ok(error instanceof InvalidRequestError)
    assert.equal(error.param, `logit_bias.${id}`)
    assert.match(error.message, /10 most likely.*--max-logprobs -1/)
    return true
  }
}

test('where the engine cannot report more, the bias is refused with the remedy', async () => {
  await assert.rejects(biased(outside, 30, 10), isRefusal(outside))
})

test('a bias within the reported tokens, one that changes next to nothing, and a ban ask for no more', async () => {
  for (const [id, bias] of [
    [inRow, 30],
    [outside, 1e-4],
    [outside, -100],
  ] as const)
    assert.deepEqual((await biased(id, bias, 10)).tops, [], `${id} ${bias}`)
})
