import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CheckpointError, InvalidRequestError } from '../../src/decoding/errors.ts'
import { openEngine } from '../../src/decoding/local/engine.ts'
import { armReward } from '../../src/rm/arm-reward.ts'
import type { CausalReader, CausalScorer } from '../../src/rm/causal-scorer.ts'
import { type ImplicitOptions, implicitReward } from '../../src/rm/implicit.ts'
import { sumsBySteps } from '../../src/rm/token-steps.ts'
import { temporaryFolder, writeTinyCheckpoint } from '../checkpoint/fixtures.ts'
import { writeTinyAdapter } from '../checkpoint/tiny-adapter.ts'
import { decode, engineOptions, toyPrompt, toyRequest } from '../local/toy-engine.ts'
import { answer, never, question, rewardContract, someAnswers } from './reward-contract.ts'

const folder = temporaryFolder()
writeTinyCheckpoint(join(folder, 'one'))
writeTinyCheckpoint(join(folder, 'two'), {}, { seed: 2 })
writeTinyAdapter(join(folder, 'tilt'))
const spec = (name: string, adapters: { name: string; source: string }[] = []) => {
  return { name, source: join(folder, name), weights: 'fp32', adapters, contextLength: undefined } as const
}
const specs = [spec('one', [{ name: 'tilt', source: join(folder, 'tilt') }]), spec('two')]
const engine = await openEngine(specs, engineOptions(folder), () => {})
after(() => engine.close())

const reader = (model: string, changes: Partial<CausalReader> = {}): CausalReader => {
  return { model, adapter: undefined, principle: undefined, ...changes }
}
const tilted = reader('one', { adapter: 'tilt' })
const implicit = (changes: Partial<ImplicitOptions> = {}, scorer: CausalScorer = engine) => {
  const options = { policy: reader('one'), reference: reader('two'), beta: 0.5, separator: '. ', ...changes }
  return implicitReward('implicit', options, scorer)
}
const arm = (options: Partial<Parameters<typeof armReward>[1]> = {}) =>
  armReward('arm', { reader: tilted, perToken: false, endToken: true, ...options }, engine)

rewardContract('implicit', () => implicit())
rewardContract('implicit, adapter against base', () => implicit({ policy: tilted, reference: reader('one') }))
rewardContract('arm', () => arm())
rewardContract('arm, per token', () => arm({ perToken: true }))

const near = (one: number, other: number, tolerance = 1e-9) =>
  assert.ok(Math.abs(one - other) <= tolerance, `${one} is not ${other}`)

/** A scorer that answers from a list; models and tokenizers are the engine's. */
function recorded(logprobs: Readonly<Record<string, readonly number[]>>): CausalScorer {
  return { models: engine.models, tokenLogprobs: async ({ model }) => Float64Array.from(logprobs[model]!) }
}

test('the golden values of the implicit process reward', async () => {
  const one = [-0.1, -0.5, -0.2, -1, -0.3]
  const two = [-0.2, -0.4, -0.6, -0.5, -0.9]
  const { tokenizer } = engine.models.get('one')!
  const text = 'a|bcd'
  const ids = tokenizer.encode(text, false)
  assert.equal(ids.length, 5)
  const reward = implicit({ beta: 0.05, separator: '|' }, recorded({ one, two }))
  const [verdict] = await reward.score(question, [answer(text, { ids })], never)
  near(verdict!.score, 0.025)
  assert.deepEqual(
    verdict!.steps!.map((step) => Math.round(step * 1e9) / 1e9),
    [0, 0.025],
  )
})

test('the steps add up to the score, whatever separates them', async () => {
  for (const separator of ['. ', '\n\n', 'a'])
    for (const { score, steps } of await implicit({ separator }).score(question, someAnswers, never))
      near(
        score,
        steps!.reduce((sum, step) => sum + step, 0),
      )
})

test('swapping the two models changes the sign; a model against itself is 0; beta scales', async () => {
  const scores = async (options: Partial<ImplicitOptions>) =>
    (await implicit(options).score(question, someAnswers, never)).map(({ score }) => score)
  const forward = await scores({})
  const backward = await scores({ policy: reader('two'), reference: reader('one') })
  for (const [i, score] of forward.entries()) near(score, -backward[i]!)
  assert.deepEqual(new Set(await scores({ reference: reader('one') })), new Set([0]))
  for (const [i, score] of (await scores({ beta: 2 })).entries()) near(score, 4 * forward[i]!)
  assert.ok(forward.some((score) => Math.abs(score) > 0.1))
})

test('a principle makes a reward of one model; without a conversation it is refused', async () => {
  const options = { policy: reader('one', { principle: 'Be kind.' }), reference: reader('one') }
  const [verdict] = await implicit(options).score(question, someAnswers, never)
  assert.notEqual(verdict!.score, 0)
  const plain = { ...question, messages: undefined }
  await assert.rejects(implicit(options).score(plain, someAnswers, never), InvalidRequestError)
  assert.equal((await implicit().score(plain, someAnswers, never)).length, someAnswers.length)
})

test("an answer's own tokens are read where they spell its text, otherwise the text is", async () => {
  const { tokenizer } = engine.models.get('one')!
  const text = 'The soup'
  const bytes = [...Buffer.from(text)].map((byte) => tokenizer.encode(String.fromCharCode(byte), false)[0]!)
  const [own, foreign, none] = await implicit().score(
    question,
    [answer(text, { ids: bytes }), answer(text, { ids: [1, 2, 3] }), answer(text)],
    never,
  )
  assert.equal(foreign!.score, none!.score)
  assert.equal(own!.score === none!.score, `${bytes}` === `${tokenizer.encode(text, false)}`)
})

test('an ARM sums what its adapter gives the answer and, once it is finished, its end', async () => {
  const model = engine.models.get('one')!
  const promptIds = model.tokenizer.encode(model.chatTemplate!.render(question.messages!), false)
  const ids = model.tokenizer.encode('The soup', false)
  const logprobs = await engine.tokenLogprobs(
    { model: 'one', adapter: 'tilt', promptIds },
    [...ids, model.tokenizer.eosTokenId!],
    never,
  )
  const total = logprobs.reduce((sum, logprob) => sum + logprob, 0)
  const scoreOf = async (reward: ReturnType<typeof arm>, finished = true) =>
    (await reward.score(question, [answer('The soup', { finished })], never))[0]!.score
  near(await scoreOf(arm()), total)
  near(await scoreOf(arm({ perToken: true })), total / logprobs.length)
  near(await scoreOf(arm({ endToken: false })), total - logprobs.at(-1)!)
  near(await scoreOf(arm(), false), total - logprobs.at(-1)!)
})

test('an adapter gives tokens the log-probabilities that the sampler draws them with', async () => {
  const promptIds = toyPrompt(70, 2)
  const term = { model: 'one', adapter: 'tilt', promptIds }
  const request = { ...toyRequest(promptIds, { maxTokens: 80, seed: 5n }), terms: [{ ...term, coefficient: 1 }] }
  const { ids, logprobs } = await decode(engine, request)
  const [own, base] = await Promise.all([
    engine.tokenLogprobs(term, ids, never),
    engine.tokenLogprobs({ ...term, adapter: undefined }, ids, never),
  ])
  for (const [i, logprob] of own.entries()) near(logprob, logprobs[i]!, 1e-4)
  assert.ok(base.some((logprob, i) => Math.abs(logprob - own[i]!) > 0.01))
})

test('a token belongs to the step in which it begins; blank pieces are no steps', () => {
  const { tokenizer } = engine.models.get('one')!
  const sums = (text: string, separator: string) => {
    const ids = tokenizer.encode(text, false)
    return sumsBySteps(
      ids.map((id) => tokenizer.bytesOf(id).length),
      ids,
      text,
      separator,
      tokenizer,
    )
  }
  assert.deepEqual(sums('', '|'), [])
  assert.deepEqual(sums('abc', '|'), [3])
  assert.deepEqual(sums('é1|bc|', '|'), [4, 3])
  assert.deepEqual(sums('||a||b| ', '|'), [5, 3])
})

test('models that are not loaded or do not fit are refused at once', () => {
  assert.throws(() => implicit({ reference: reader('three') }), CheckpointError)
  assert.throws(() => implicit({ policy: reader('one', { adapter: 'tipp' }) }), /'tipp'; loaded: tilt/)
  const { tokenizer } = engine.models.get('two')!
  const other = { ...engine.models.get('two')!, tokenizer: { ...tokenizer, tokenOf: (id: number) => `${id}` } }
  const models = new Map([...engine.models, ['two', other]])
  assert.throws(() => implicit({}, { ...recorded({}), models }), /token 0 is .* to its policy/)
})

/** How a reward refuses what its model cannot read. */
const beyondContext = (message: RegExp) => (error: Error & { param?: string }) => {
  assert.match(error.message, message)
  return error instanceof InvalidRequestError && error.param === 'alignment'
}

test('an answer longer than the context is refused with both numbers, and nothing is left behind', async () => {
  const long = answer('é'.repeat(400))
  for (const [name, reward] of [
    ['implicit', implicit()],
    ['arm', arm()],
  ] as const)
    await assert.rejects(
      reward.score(question, [someAnswers[0]!, long], never),
      beyondContext(new RegExp(`'${name}' reads at most 256 tokens; the prompt and an answer have \\d{3}\\.`)),
    )
  const { blocks } = engine.stats()
  assert.deepEqual([blocks.live, blocks.reserved], [0, 0])
})

test('a text that cannot fit is refused before it is encoded', async () => {
  const refusal = beyondContext(/reads at most 256 tokens; the prompt and an answer have at least \d+/)
  const one = engine.models.get('one')!
  const encode = () => assert.fail('it was encoded')
  const models = new Map([...engine.models, ['one', { ...one, tokenizer: { ...one.tokenizer, encode } }]])
  const scorer = { ...recorded({}), models }
  const huge = 'word '.repeat(100_000)
  const plain = { ...question, messages: undefined, text: huge }
  await assert.rejects(
    implicit({}, scorer).score(plain, [answer('a', { ids: one.tokenizer.encode('a', false) })], never),
    refusal,
  )
  await assert.rejects(implicit({}, scorer).score(question, [answer(huge)], never), refusal)
})
