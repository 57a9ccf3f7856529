import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { RewardError } from '../../src/rm/reward-error.ts'
import { check } from '../../src/server/check.ts'
import { readConfigFile } from '../../src/server/config-file.ts'
import { engineSetup } from '../../src/server/engine-setup.ts'
import { openGenerationEngine } from '../../src/server/open-generation-engine.ts'
import { runReward } from '../../src/server/run-reward.ts'
import { temporaryFolder } from '../checkpoint/fixtures.ts'
import { rewardDoubles, scoreOf } from '../rm/remote/reward-doubles.ts'
import { sayReply } from '../rm/remote/reward-server.ts'
import { fakeUpstream, sayJson } from '../upstream/fake-upstream.ts'

const folder = temporaryFolder()

function parseConfig(text: string, environment = {}) {
  const file = join(folder, 'trimtab.yaml')
  writeFileSync(file, text)
  return readConfigFile(file, environment)
}

const tiny = fileURLToPath(new URL('../../models/tiny/sentiment', import.meta.url))
const never = new AbortController().signal

const configOf = (url: string, reward: string, kind = 'rewards') =>
  parseConfig(
    `
models: { llama: { upstream: gpu } }
upstreams:
  gpu: { kind: vllm, urls: ['http://127.0.0.1:9'], health: { every_seconds: 0 } }
  judge: { kind: ${kind}, urls: ['${url}'], api_key: '\${JUDGE_KEY}', health: { every_seconds: 0 } }
rewards: { far: { kind: remote, upstream: judge, ${reward} } }
`,
    { JUDGE_KEY: 'sesame' },
  )

const double = rewardDoubles['tei-rerank']!
const server = await fakeUpstream(sayReply(double))
after(() => server.close())

describe('a remote reward of the configuration', () => {
  it('scores given answers through the engine, with the key of its upstream', async () => {
    const engine = await openGenerationEngine(engineSetup(configOf(server.url, 'format: tei-rerank')), () => {})
    const question = { messages: undefined, text: 'Why?', references: undefined }
    const event = await runReward(engine.rewards, { reward: 'far', question, responses: ['a', 'b'] }, never)
    assert.ok(event.type === 'reward-verdicts')
    assert.deepEqual(
      event.verdicts.map(({ score }) => score),
      ['Why?a', 'Why?b'].map(scoreOf),
    )
    assert.equal(server.received.at(-1)!.headers.authorization, 'Bearer sesame')
    server.answer = sayJson(500, {})
    const failing = runReward(engine.rewards, { reward: 'far', question, responses: ['a'] }, never)
    await assert.rejects(failing, (error) => error instanceof RewardError && /'far'.*'judge'/.test(error.message))
    server.answer = sayReply(double)
    await engine.close()
  })

  it('scores an example in trimtab check, which tells a failure and goes on', async () => {
    assert.match(
      await check(configOf(server.url, 'format: tei-rerank'), {}),
      /reward far: tei-rerank of judge scores an example -?\d/,
    )
    server.answer = sayJson(404, { error: 'no such route' })
    const told = await check(configOf(server.url, 'format: tei-rerank'), {})
    assert.match(told, /does not score an example \(.*'judge' answered 404.*no such route/)
    assert.match(told, /The configuration is valid/)
    assert.doesNotMatch(told, /sesame/)
    server.answer = sayReply(double)
  })

  it('sends token ids where the tokenizer is at hand', async () => {
    const config = configOf(server.url, `format: vllm-classify, model: rm, tokenizer: '${tiny}'`)
    const engine = await openGenerationEngine(engineSetup(config), () => {})
    server.answer = sayJson(200, { data: [{ index: 0, probs: [2.5] }] })
    const question = { messages: [{ role: 'user', content: 'Hi' }], text: 'Hi', references: undefined }
    await runReward(engine.rewards, { reward: 'far', question, responses: ['Good.'] }, never)
    const body = JSON.parse(server.received.at(-1)!.body.toString())
    assert.equal(body.add_special_tokens, false)
    // <|im_start|> and <|im_end|> as ids, and nothing asked for behind the answer
    assert.equal(body.input[0][0], 1)
    assert.deepEqual(body.input[0].filter((id: number) => id === 1).length, 2)
    server.answer = sayReply(double)
    await engine.close()
  })

  for (const [reward, message] of [
    ['format: tei-rerank, label: 1', /Unrecognized key|unknown|label/i],
    ['format: carrier-pigeon', /format/],
    ['format: judge-score, model: m, rubric: Be kind., scale: [5, 1]', /scale/],
    [
      "format: vllm-classify, model: m, tokenizer: './nowhere'",
      /rewards\.far\.tokenizer: the folder .* does not exist/,
    ],
  ] as const)
    it(`refuses ${reward}`, () => {
      assert.throws(() => configOf(server.url, reward), message)
    })

  it('may stand behind any kind of upstream, but models not behind one that only judges', () => {
    assert.ok(configOf(server.url, 'format: tei-rerank', 'openai'))
    const text = `
models: { llama: { upstream: judge } }
upstreams: { judge: { kind: rewards, urls: ['http://127.0.0.1:9'] } }
`
    assert.throws(() => parseConfig(text), /kind rewards: it only judges/)
  })
})
